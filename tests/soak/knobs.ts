/** Random combinations of all faults and peculiarities of registries and networks. */

import {
  closeAfter,
  contentRange,
  type Fault,
  type Faults,
  htmlPage,
  jsonAnswer,
  lying416,
  lyingList,
  multipart,
  redirect,
  registryError,
  resetAfter,
  stallAfter,
  WRONG_LISTS,
} from "../fakes/faults.ts";
import type { RegistryOptions } from "../fakes/registry.ts";
import type { Slowness } from "../fakes/slow_disk.ts";
import type { LoggedRequest } from "../fakes/wire.ts";
import type { PullSettings } from "../../src/transfer/pull.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Random choices, deterministic for a seed. */
export interface Dice {
  /** At least 0, below 1. */
  readonly next: () => number;
  /** An integer from `low` to `high`, inclusive. */
  readonly whole: (low: number, high: number) => number;
  readonly chance: (probability: number) => boolean;
  readonly one: <T>(of: readonly T[]) => T;
}

export function diceOf(next: () => number): Dice {
  const whole = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    whole,
    chance: (probability) => next() < probability,
    one: (of) => of[whole(0, of.length - 1)]!,
  };
}

/** The kinds of authentication that the registry requires. */
export const LOGINS = ["nobody", "key", "password", "anybody", "basic"] as const;

export type Phase = keyof Faults;

/** A fault, and when it occurs. */
export interface Rule {
  readonly phase: Phase;
  readonly what: string;
  readonly when: string;
  /** It must not make a pull fail. */
  readonly harmless: boolean;
  /** `size` is that of the requested content. Undefined: no fault for this request. */
  readonly decide: (request: LoggedRequest, n: number, size: number) => Fault | undefined;
}

/** One pull and its conditions. */
export interface Knobs {
  readonly registry: RegistryOptions;
  readonly login: typeof LOGINS[number];
  /** `expires_in` of tokens in seconds. */
  readonly tokenLife: number | undefined;
  /** All tokens and signed URLs expire after this many blob requests; Infinity: never. */
  readonly expireEvery: number;
  /** Sizes of the weights and of additional layers. */
  readonly sizes: readonly [number, ...number[]];
  readonly rules: readonly Rule[];
  /** The runs with faults, and a last one without. */
  readonly runs: readonly RunKnobs[];
  /** Absent: the disk is as fast as it is. */
  readonly disk?: Slowness;
}

export interface DrawnSettings extends Partial<PullSettings> {
  readonly limitRate?: number;
}

/** One run of a pull. */
export interface RunKnobs {
  readonly settings: DrawnSettings;
  /** Stop after this many events; Infinity: never. */
  readonly stopAfter: number;
  /** Stop after this many milliseconds; Infinity: never. */
  readonly stopAfterMs: number;
}

/** A card that is always slow, a network drive, and a disk that spins up. */
const DISKS: readonly Slowness[] = [
  { share: 0.5, ms: 40 },
  { share: 0.1, ms: 300 },
  { share: 0.02, ms: 3000 },
];

type Make = (dice: Dice, request: LoggedRequest, size: number) => Fault;

interface Way {
  readonly phases: readonly Phase[];
  readonly harmless?: true;
  /** On every request it would make a pull take forever. */
  readonly notAlways?: true;
  readonly make: Make;
}

const BLOBS: readonly Phase[] = ["blob", "data"];
const WITH_BYTES: readonly Phase[] = ["manifest", "data"];
const ALL: readonly Phase[] = ["manifest", "blob", "data", "chunksums", "other"];

/** A length that completes the blob within a few responses. */
function part(dice: Dice, size: number): number {
  return dice.whole(Math.ceil(size / 12), size);
}

const WAYS: Readonly<Record<string, Way>> = {
  "a server error": {
    phases: ALL,
    make: (dice) => ({ status: dice.one([500, 502, 503, 504, 408, 520, 529]), body: "no" }),
  },
  "Retry-After": {
    phases: ALL,
    make: (dice) => ({
      status: dice.one([429, 503]),
      headers: { "retry-after": dice.one(["1", "7", "300", "soon", new Date().toUTCString()]) },
    }),
  },
  "a very long Retry-After": {
    phases: ALL,
    make: () => ({ status: 429, headers: { "retry-after": "7200" } }),
  },
  "401": { phases: BLOBS, make: () => ({ status: 401 }) },
  "403": { phases: ALL, make: () => registryError(403, "DENIED", "not for you") },
  "404": { phases: ALL, make: () => registryError(404, "BLOB_UNKNOWN", "unknown") },
  "410": { phases: BLOBS, make: () => ({ status: 410 }) },
  "an odd status": {
    phases: ["manifest", "blob", "data", "chunksums"],
    make: (dice) => ({ status: dice.one([202, 204, 205, 304, 400, 412, 451, 501, 505]) }),
  },
  "a reset before the response": { phases: ALL, make: () => ({ hangUp: "reset" }) },
  "a close before the response": { phases: ALL, make: () => ({ hangUp: "close" }) },
  "a short delay": {
    phases: ALL,
    harmless: true,
    make: (dice) => ({ delayMs: dice.whole(1, 20) }),
  },
  "no response": { phases: ALL, make: () => ({ delayMs: Infinity }) },
  "endless headers": {
    phases: ALL,
    notAlways: true,
    make: () => ({ endlessHeaders: true }),
  },
  "a web page": { phases: ALL, make: () => htmlPage() },
  "a chunked web page": { phases: WITH_BYTES, make: () => ({ ...htmlPage(), chunked: true }) },
  "an error page": { phases: ALL, make: (dice) => htmlPage(dice.one([403, 502])) },
  "JSON": { phases: ALL, make: () => jsonAnswer(200, { login: "first" }) },
  "a redirect to itself": {
    phases: ["manifest", "blob", "data"],
    make: (_, { host, target }) => redirect(`http://${host}${target}`),
  },
  "an invalid redirect": {
    phases: ["manifest", "blob", "data", "chunksums"],
    make: (dice, { host }) =>
      redirect(dice.one([
        "file:///etc/passwd",
        "ftp://127.0.0.1/x",
        "data:,x",
        `http://user:pass@${host}/x`,
        "http://[",
      ])),
  },
  "a redirect without a Location": { phases: BLOBS, make: () => ({ status: 307 }) },
  "a redirect to a closed port": {
    phases: BLOBS,
    make: () => redirect("http://127.0.0.1:4/blob?X-Amz-Signature=abcdefabcdef"),
  },
  "a 416 with a wrong length": { phases: ["data"], make: (_, __, size) => lying416(size) },
  "a 416 with another size": { phases: ["data"], make: (_, __, size) => lying416(size + 1) },
  "a multipart response": { phases: ["data"], make: () => multipart() },
  "a range that is off by one": {
    phases: ["data"],
    make: (_, { range }) => contentRange(`bytes ${(range?.start ?? 0) + 1}-${range?.end ?? 1}/*`),
  },
  "no Content-Range": { phases: ["data"], make: () => contentRange(undefined) },
  "a Content-Range with another size": {
    phases: ["data"],
    make: (_, { range }, size) =>
      contentRange(`bytes ${range?.start ?? 0}-${(range?.end ?? 1) - 1}/${size + 1}`),
  },
  "gzip": { phases: WITH_BYTES, make: () => ({ gzip: true }) },
  "an ignored range": { phases: ["data"], harmless: true, make: () => ({ ignoreRange: true }) },
  "a shorter range": {
    phases: ["data"],
    harmless: true,
    make: (dice, _, size) => ({ atMost: part(dice, size) }),
  },
  "no Content-Length": { phases: WITH_BYTES, harmless: true, make: () => ({ chunked: true }) },
  "extra bytes": {
    phases: WITH_BYTES,
    make: (dice) => ({ extraBytes: dice.whole(1, 5000) }),
  },
  "a Content-Length that is too small": {
    phases: WITH_BYTES,
    make: () => ({ headers: { "content-length": "17" } }),
  },
  "a reset in the middle": {
    phases: WITH_BYTES,
    make: (dice, _, size) => resetAfter(part(dice, size)),
  },
  "a close in the middle": {
    phases: WITH_BYTES,
    make: (dice, _, size) => closeAfter(part(dice, size)),
  },
  "an early reset or close": {
    phases: [...WITH_BYTES, "chunksums"],
    notAlways: true,
    make: (dice) => dice.one([resetAfter, closeAfter])(dice.whole(0, 70_000)),
  },
  "a stall in the middle": {
    phases: WITH_BYTES,
    notAlways: true,
    make: (dice, _, size) => stallAfter(dice.chance(0.3) ? 0 : part(dice, size)),
  },
  "a very low rate": {
    phases: [...WITH_BYTES, "chunksums"],
    notAlways: true,
    make: (dice) => ({ bytesPerSecond: dice.whole(50, 50_000) }),
  },
  "a low rate": {
    phases: ["data"],
    notAlways: true,
    make: (dice) => ({ bytesPerSecond: dice.whole(10 * MIB, 40 * MIB) }),
  },
  "a flipped bit": {
    phases: WITH_BYTES,
    make: (dice, { range }, size) => {
      const { start, end } = range ?? { start: 0, end: size };
      return { flipAt: dice.whole(start, Math.min(end, size) - 1) };
    },
  },
  "a flipped bit at a fixed offset": {
    phases: ["data"],
    make: (_, __, size) => ({ flipAt: Math.floor(size / 3) }),
  },
  "other bytes": {
    phases: ["data"],
    make: (_, { range }, size) => {
      const { start, end } = range ?? { start: 0, end: size };
      return {
        status: range ? 206 : 200,
        headers: range ? { "content-range": `bytes ${start}-${end - 1}/${size}` } : {},
        body: new Uint8Array(end - start).fill(7),
      };
    },
  },
  "an invalid list": {
    phases: ["chunksums"],
    harmless: true,
    make: (dice) => {
      const wrong = dice.one(Object.values(WRONG_LISTS));
      return { list: (lines) => lines.length < 3 ? [] : wrong(lines) };
    },
  },
  "a list of wrong digests": {
    phases: ["chunksums"],
    harmless: true,
    make: () => ({ list: lyingList }),
  },
  "a list with a wrong digest": {
    phases: ["chunksums"],
    harmless: true,
    make: (dice) => ({
      list: (lines) => {
        const k = dice.whole(0, lines.length - 1);
        return lines.toSpliced(k, 1, ...lyingList([lines[k]!]));
      },
    }),
  },
};

/** The faults that store wrong bytes, or interrupt the search for them. */
const DAMAGE = [
  "a flipped bit",
  "a flipped bit",
  "a flipped bit at a fixed offset",
  "other bytes",
  "a chunked web page",
  "an ignored range",
  "a reset in the middle",
  "an early reset or close",
  "a shorter range",
  "a list of wrong digests",
  "a list with a wrong digest",
];

type Often = (n: number, dice: Dice) => boolean;

const OFTEN: Readonly<Record<string, (dice: Dice) => Often>> = {
  "once": () => (n) => n === 1,
  "a few times": (dice) => {
    let left = dice.whole(2, 4);
    return () => left-- > 0;
  },
  "sometimes": (dice) => {
    const probability = dice.one([0.1, 0.2, 0.5]);
    return () => dice.chance(probability);
  },
  "every third time": () => {
    let count = 0;
    return () => ++count % 3 === 0;
  },
  "except the first time": () => (n) => n > 1,
  "always": () => () => true,
};

/** These stop for every fault. */
const ENDING = ["once", "a few times"];

/** Chooses the conditions of one pull. */
export function drawKnobs(dice: Dice): Knobs {
  const size = dice.chance(0.1) ? MIB + dice.whole(-40, 40) : dice.whole(MIB, 12 * MIB);
  const more = Array.from(
    { length: dice.one([0, 0, 0, 1, 3]) },
    () => dice.whole(300 * KIB, 3 * MIB),
  );
  const damage = dice.chance(0.2);
  const rules = Array.from(
    { length: dice.one([0, 1, 1, 2, 2, 3, 4, 6]) },
    () => drawRule(dice, damage ? DAMAGE : Object.keys(WAYS)),
  );
  const settings = drawSettings(dice);
  return {
    sizes: [size, ...more],
    rules,
    registry: {
      blobHosts: dice.one([0, 0, 1, 2, 3]),
      redirectStatus: dice.one([301, 302, 303, 307, 308]),
      chunkLength: dice.chance(0.4) ? dice.whole(64 * KIB, 2 * MIB) : 0,
      signedSeconds: dice.one([30, 61, 86_400]),
      ...(dice.chance(0.5) && { bytesPerSecond: dice.whole(20 * MIB, 100 * MIB) }),
    },
    login: dice.chance(0.5) ? "nobody" : dice.one(LOGINS),
    tokenLife: dice.one([0, 1, 60, 300, undefined]),
    expireEvery: dice.chance(0.2) ? dice.whole(3, 20) : Infinity,
    runs: Array.from({ length: dice.one([2, 2, 3, 4]) }, () => ({
      settings: dice.chance(0.7) ? settings : drawSettings(dice),
      stopAfter: dice.chance(0.4) ? dice.whole(1, 150) : Infinity,
      stopAfterMs: dice.chance(0.2) ? dice.whole(0, 300) : Infinity,
    })),
    ...(dice.chance(0.3) && { disk: dice.one(DISKS) }),
  };
}

function drawSettings(dice: Dice): DrawnSettings {
  const connections = dice.one([1, 1, 2, 3, 4, 4, 4, 8, 16]);
  const limited = dice.chance(0.2);
  return {
    connections,
    perBlob: dice.chance(0.2) ? dice.whole(1, connections) : connections,
    chunkSize: dice.one([64 * KIB, 300_001, MIB, 2 * MIB, 4 * MIB]),
    maxRetries: dice.one([0, 1, 3, 6, 6]),
    retryForMs: dice.chance(0.2) ? 60_000 : 0,
    timeoutMs: dice.chance(0.1) ? 100 : 60_000,
    ...(limited && { limitRate: dice.whole(MIB, 20 * MIB) }),
  };
}

function drawRule(dice: Dice, ways: readonly string[]): Rule {
  const what = dice.one(ways);
  const { phases, harmless = false, notAlways, make } = WAYS[what]!;
  const phase = dice.one(phases);
  const when = dice.one(notAlways ? ENDING : Object.keys(OFTEN));
  const often = OFTEN[when]!(dice);
  return {
    phase,
    what,
    when,
    // A pull does not depend on lists of chunks.
    harmless: harmless || phase === "chunksums",
    decide: (request, n, size) => often(n, dice) ? make(dice, request, size) : undefined,
  };
}

/** One line, to print with a failure. */
export function wordsOf({ rules, ...rest }: Knobs): string {
  const faults = rules.map(({ phase, what, when }) => `${phase}: ${what} ${when}`).join("; ");
  return `${JSON.stringify(rest)} [${faults}]`;
}
