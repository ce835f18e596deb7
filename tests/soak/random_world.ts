/** One pull from a registry with random faults, repeated until it is complete. */

import assert from "node:assert/strict";
import { type Kind, PullamaError } from "../../src/core/errors.ts";
import type { Descriptor } from "../../src/core/manifest.ts";
import type { Range } from "../../src/core/ranges.ts";
import { type Identity, RegistrySource } from "../../src/registry/source.ts";
import { openFolder } from "../../src/store/store.ts";
import { foldProgress } from "../../src/ui/progress/progress.ts";
import { randomNumbers } from "../random.ts";
import { certificate } from "../fakes/certificate.ts";
import { noise } from "../fakes/content.ts";
import type { Fault, FaultHook } from "../fakes/faults.ts";
import { makeModel } from "../fakes/model.ts";
import { demandBasic, demandTokens, type TokenServer } from "../fakes/token_server.ts";
import { slowDisk } from "../fakes/slow_disk.ts";
import type { LoggedRequest } from "../fakes/wire.ts";
import { sha256Of } from "../real/store.ts";
import { fileWith, KEY, PUBLIC } from "../registry/auth/keys.ts";
import { TLS } from "../registry/auth/world.ts";
import { type Pull, type PullChanges, type Tiny, type World, world } from "../transfer/world.ts";
import { fakeClock } from "../ui/fake_clock.ts";
import { diceOf, drawKnobs, type Knobs, type Phase, type RunKnobs, wordsOf } from "./knobs.ts";

const MIB = 1 << 20;
/** Time limit for one run in milliseconds: none of its waits are long. */
const LONGEST = 30_000;
/** Maximum number of waits in one run. */
const MOST_WAITS = 2000;
/** The errors that a pull may end with: no local problem, and no bug. */
const SENSIBLE: ReadonlySet<Kind> = new Set<Kind>([
  "network",
  "timeout",
  "unavailable",
  "protocol",
  "stale",
  "digest",
  "size",
  "redirect",
  "not_found",
  "auth",
  "refused",
  "manifest",
  "interrupted",
]);
const PHASES: readonly Phase[] = ["manifest", "blob", "data", "chunksums", "other"];
const LOGIN = { user: "somebody", password: "p4ssw0rd-of-nobody" };

/** How one run ended. */
export type Ending = Kind | "installed";

export interface Report {
  readonly endings: readonly Ending[];
  /**
   * The maximum of all runs: waits without a rate limit, and real time, in total and after a stop.
   */
  readonly waits: number;
  readonly ms: number;
  readonly stopMs: number;
}

/** A failed assertion, with what is needed to reproduce it. */
export class Broken extends Error {
  constructor(seed: number, knobs: Knobs, endings: readonly Ending[], cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(
      `seed ${seed} (PULLAMA_SEED=${seed} PULLAMA_RUNS=1): ${reason}\n  after ${
        endings.join(", ")
      }\n` +
        `  ${wordsOf(knobs)}`,
      { cause },
    );
  }
}

/** Pulls with the faults chosen by `seed`, then once more without faults. Throws `Broken`. */
export async function pullByChance(seed: number): Promise<Report> {
  const dice = diceOf(randomNumbers(seed));
  const knobs = drawKnobs(dice);
  const endings: Ending[] = [];
  const most = { waits: 0, ms: 0, stopMs: 0 };
  const note = (ended: Run) => {
    endings.push(ended.ending);
    most.waits = Math.max(most.waits, ended.waits);
    most.ms = Math.max(most.ms, ended.ms);
    most.stopMs = Math.max(most.stopMs, ended.stopMs);
  };
  try {
    // A password is preferred to a signature. Nothing is signed over plain http.
    const signs = knobs.login === "key";
    await using place = await world({ ...knobs.registry, ...(signs && TLS) });
    await using key = await fileWith(KEY);
    const model = addModel(place, knobs.sizes, seed % 1000);
    const { host } = place.registry;
    const faults = setFaults(place, model, knobs);
    const identity = { keyFile: key.path, ...(!signs && { login: { host, ...LOGIN } }) };
    const quietly = knobs.runs.at(-1)!;
    const { disk } = knobs;
    const store = disk && {
      store: () =>
        openFolder(place.models, { tool: "test", disk: slowDisk(disk, randomNumbers(seed)) }),
    };
    for (const one of knobs.runs.slice(0, -1)) {
      const ended = await run(place, model, identity, { ...hurried(one), ...store }, one);
      note(ended);
      await hungUp(place);
      inspect(place, model, ended);
      const { kept } = await standing(place, model);
      assert.ok(shownIn(ended) <= kept, `${shownIn(ended)} bytes were shown, ${kept} are kept`);
      if (ended.ending === "installed") return { endings, ...most };
      const free = knobs.rules.every(({ harmless }) => harmless) && hasEnoughTime(knobs, one);
      assert.ok(!free || ended.ending === "interrupted", `nothing was wrong: ${ended.error}`);
    }
    faults.end();
    const { kept } = await standing(place, model);
    const before = sentOf(place, model);
    const last = await run(place, model, identity, {
      settings: { ...quietly.settings, timeoutMs: LONGEST, maxRetries: 6 },
      limitRate: quietly.settings.limitRate,
      ...store,
    });
    note(last);
    await hungUp(place);
    inspect(place, model, last);
    if (last.error) throw last.error;
    const missing = sizeOf(model) - kept;
    const sent = sentOf(place, model) - before;
    const slack = spare(last) + (faults.dirty ? 2 * sizeOf(model) : 0);
    assert.ok(
      sent >= missing && sent <= missing + slack,
      `${sent} bytes were sent of ${missing} that were missing`,
    );
    return { endings, ...most };
  } catch (error) {
    throw new Broken(seed, knobs, endings, error);
  }
}

/** Bytes that may be in transit when connections hand over a part of their ranges: less than 1 MiB each time. */
function spare({ pull }: Run): number {
  const open = new Map<string, Range>();
  let handedOver = 0;
  for (const event of pull.events) {
    if (event.event !== "chunk_start" && event.event !== "chunk_end") continue;
    const { digest, range } = event;
    const key = `${digest} ${range.start}`;
    if (event.event === "chunk_start") open.set(key, range);
    else if (range.end < (open.get(key)?.end ?? 0)) handedOver++;
  }
  return handedOver * MIB;
}

/** Whether a pull without faults has enough time to complete. */
function hasEnoughTime(
  { registry, login, tokenLife, expireEvery }: Knobs,
  { settings }: RunKnobs,
): boolean {
  const calm = expireEvery === Infinity || (registry.blobHosts === 0 && login !== "nobody");
  return calm && settings.timeoutMs! > 1000 && settings.maxRetries! >= 3 &&
    (login === "nobody" || tokenLife !== 0 || expireEvery === Infinity);
}

/** Short timeouts, so that stalls do not take long. */
function hurried({ settings }: RunKnobs): PullChanges {
  return {
    settings,
    limitRate: settings.limitRate,
    silence: { alone: 250, besideOthers: 120, slowest: 200_000, slowMs: 400 },
  };
}

interface Run extends Omit<Report, "endings"> {
  readonly pull: Pull;
  readonly ending: Ending;
  readonly error?: PullamaError;
}

/** A model with additional large layers. */
function addModel({ registry }: World, [size, ...more]: Knobs["sizes"], seed: number): Tiny {
  const files = makeModel({ size, seed });
  const layers = more.map((size, k) => ({
    mediaType: "application/vnd.ollama.image.projector",
    content: noise(size, 1000 * (k + 1) + seed),
  }));
  const model = registry.add("library/chance:latest", {
    ...files,
    layers: [...files.layers, ...layers],
  });
  return { ...model, weights: model.layers[0]! };
}

/** One run to its end, stopped after `stopAfter` events or `stopAfterMs`. */
async function run(
  place: World,
  model: Tiny,
  identity: Identity,
  changes: PullChanges,
  { stopAfter, stopAfterMs }: Partial<RunKnobs> = {},
): Promise<Run> {
  const short = changes.silence !== undefined;
  using source = new RegistrySource({
    userAgent: "test",
    insecure: !place.registry.url.startsWith("https:"),
    caCerts: [certificate],
    identity,
    chunkSize: changes.settings?.chunkSize ?? MIB,
    ...(short && { headerTimeoutMs: 250, silenceMs: 250, chunksumsMs: 150 }),
  });
  const began = performance.now();
  let stoppedAt = Infinity;
  const stop = () => {
    stoppedAt = Math.min(stoppedAt, performance.now());
    pull.stop();
  };
  const pull: Pull = place.start(model.name, {
    ...changes,
    source: () => source,
    onEvent: (_, { events }) => {
      // The first event is emitted before the pull can be stopped.
      if (events.length === stopAfter) queueMicrotask(stop);
    },
  });
  const early = Number.isFinite(stopAfterMs) ? setTimeout(stop, stopAfterMs) : undefined;
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const last = pull.events.slice(-5).map((event) => JSON.stringify(event)).join(" ");
    late.reject(new Error(`it hangs, after ${pull.clock.waits.length} waits and ${last}`));
  }, LONGEST);
  let ended: Pick<Run, "ending" | "error">;
  try {
    const summary = await Promise.race([pull.result, late.promise]);
    assert.ok(summary, "no summary");
    assert.equal(summary.digest, model.digest);
    ended = { ending: "installed" };
  } catch (error) {
    if (!(error instanceof PullamaError)) throw error;
    if (!SENSIBLE.has(error.kind)) {
      throw new Error(`${error.kind}: ${error.message}`, { cause: error });
    }
    ended = { ending: error.kind, error };
  } finally {
    clearTimeout(timer);
    clearTimeout(early);
  }
  // A rate limit waits before each read.
  const waits = changes.limitRate === undefined ? pull.clock.waits.length : 0;
  assert.ok(waits <= MOST_WAITS, `${waits} waits`);
  const now = performance.now();
  return { pull, ...ended, waits, ms: now - began, stopMs: Math.max(0, now - stoppedAt) };
}

/** Resolves when all connections are closed: a run that has ended keeps none open. */
async function hungUp({ registry }: World): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`${registry.open} connections are still open`)),
    LONGEST,
  );
  try {
    await Promise.race([Promise.all(registry.requests.map(({ closed }) => closed)), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Asserts that the models folder is valid for Ollama, whatever happened. */
function inspect(place: World, model: Tiny, { ending, pull }: Run): void {
  assert.deepEqual(openBelow(place.models), [], "files are still open");
  const tree = place.tree();
  for (const path of tree) {
    const [, hex] = /^(?:blobs|\.pullm\/ready)\/sha256-([0-9a-f]{64})$/.exec(path) ?? [];
    if (hex) assert.equal(sha256Of(`${place.models}/${path}`), hex, `wrong bytes under ${path}`);
    else assert.match(path, EXPECTED, "unexpected file");
  }
  const manifests = tree.filter((path) => path.startsWith("manifests/") && !path.endsWith("/"));
  if (ending === "installed") {
    place.assertInstalled(model);
    const left = tree.filter((path) => /partial|\.live|sha256.*\.json|ready\/.|tmp\/./.test(path));
    assert.deepEqual(left, [], "something is left behind");
    assert.equal(pull.events.at(-1)?.event, "pull_completed");
  } else {
    assert.deepEqual(manifests, [], "there is a manifest without a model");
    assert.deepEqual(
      tree.filter((path) => path.startsWith(".pullm/tmp/") && !path.endsWith("/")),
      [],
    );
  }
}

const EXPECTED =
  /^(blobs\/|manifests\/.*|\.pullm\/(|ready\/|tmp\/|wanted\/.*|ledger\.json|store\.lock|sha256-[0-9a-f]{64}\.(partial|json|live|lock)))$/;

/** Paths of the open files of this process below a directory; only on Linux. */
function openBelow(folder: string): string[] {
  if (Deno.build.os !== "linux") return [];
  return [...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${name}`);
    } catch {
      return [];
    }
  }).filter((path) => path.startsWith(`${folder}/`));
}

/** The bytes that the progress shows at the end of a run. */
function shownIn({ pull }: Run): number {
  const progress = foldProgress(fakeClock());
  for (const event of pull.events) progress.fold(event);
  return progress.done;
}

/** The bytes of the model that are present, as counted by a pull. */
async function standing(place: World, model: Tiny): Promise<{ readonly kept: number }> {
  const standings = await openFolder(place.models, { tool: "test" }).survey(blobsOf(model));
  return { kept: standings.reduce((sum, { kept }) => sum + kept, 0) };
}

function blobsOf(model: Tiny): Descriptor[] {
  return [...model.layers, model.config!];
}

function sizeOf(model: Tiny): number {
  return blobsOf(model).reduce((sum, { size }) => sum + size, 0);
}

/** Bytes of blobs that were written to sockets. */
function sentOf({ registry }: World, model: Tiny): number {
  return blobsOf(model).reduce((sum, { digest }) => sum + registry.served(digest), 0);
}

/** Applies the rules of `knobs` to the registry, after its authentication. */
function setFaults({ registry }: World, model: Tiny, knobs: Knobs) {
  const { faults } = registry;
  const tokens = demand(registry, knobs);
  const doors = new Map<Phase, FaultHook | undefined>(
    PHASES.map((phase) => [phase, faults[phase]]),
  );
  const sizes = new Map(blobsOf(model).map(({ digest, size }) => [digest.slice(7), size]));
  const state = { dirty: false, over: false };
  let blobRequests = 0;
  const decide = (phase: Phase, request: LoggedRequest, n: number): Fault | undefined => {
    if (state.over) return undefined;
    if (phase === "data" && ++blobRequests % knobs.expireEvery === 0) {
      registry.expireAddresses();
      tokens?.expireAll();
    }
    const [hex = ""] = /[0-9a-f]{64}/.exec(request.path) ?? [];
    const size = sizes.get(hex) ?? model.manifest.length;
    let fault: Fault | undefined;
    for (const rule of knobs.rules) {
      if (rule.phase === phase) fault = merged(fault, rule.decide(request, n, size));
    }
    if (phase === "data" && fault && (fault.flipAt !== undefined || fault.body !== undefined)) {
      state.dirty = true;
    }
    return fault;
  };
  for (const phase of PHASES) {
    faults[phase] = async (request, n) =>
      merged(await doors.get(phase)?.(request, n), decide(phase, request, n));
  }
  return {
    /** Whether wrong bytes may have been stored. */
    get dirty() {
      return state.dirty;
    },
    end: () => state.over = true,
  };
}

function merged(a: Fault | undefined, b: Fault | undefined): Fault | undefined {
  return a && b ? { ...a, ...b, headers: { ...a.headers, ...b.headers } } : b ?? a;
}

function demand(registry: World["registry"], knobs: Knobs): TokenServer | undefined {
  const life = knobs.tokenLife === undefined ? {} : { life: knobs.tokenLife };
  const login = `${LOGIN.user}:${LOGIN.password}`;
  switch (knobs.login) {
    case "nobody":
      return undefined;
    case "basic":
      return void demandBasic(registry, login);
    case "key":
      return demandTokens(registry, { keys: [PUBLIC], ...life });
    case "password":
      return demandTokens(registry, { login, ...life });
    case "anybody":
      return demandTokens(registry, { anonymous: true, ...life });
  }
}
