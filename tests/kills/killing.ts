/** Kills downloads again and again, and counts what each kill costs. */

import assert from "node:assert/strict";
import { intersect, type Range, total, union } from "../../src/core/ranges.ts";
import { pause } from "../crash/kills.ts";
import { randomNumbers } from "../random.ts";
import type { LoggedRequest } from "../fakes/wire.ts";
import { temporaryFolder } from "../real/child.ts";
import { pullama } from "../real/program.ts";
import type { Pushed } from "../real/push.ts";
import { startOllama } from "../real/servers.ts";
import { filesIn, sha256Of } from "../real/store.ts";
import type { Client, Download, Target } from "./clients.ts";
import type { Front } from "./front.ts";
import { age, type Trouble, troubleOf } from "./trouble.ts";

export interface Killing {
  readonly client: Client;
  readonly front: Front;
  readonly model: Pushed;
  readonly kills: number;
  readonly seed: number;
  readonly bytesPerSecond: number;
  /** With trouble at the registry, other signals, pauses, a second process, a real Ollama and old files. */
  readonly rough: boolean;
}

export interface Toll {
  readonly kills: number;
  readonly models: number;
  /** Bytes that each kill made the next runs download again, where the registry sent no wrong ones. */
  readonly twice: readonly number[];
  readonly seconds: number;
  /** How often there was which trouble. */
  readonly troubles: ReadonlyMap<string, number>;
}

const KILLS_EACH = 8;
const REPORT_EVERY = 100;
/** Milliseconds after which a run that is not killed is one that hangs, and one that got a signal. */
const LONGEST = 120_000;
const LONGEST_STOP = 20_000;
const PAUSED_MS = 1200;
const REAL_OLLAMA = Deno.env.get("OLLAMA_BIN") !== undefined;

/** Kills until `kills` downloads are killed. Throws, with the seed, at wrong bytes, hangs and failures. */
export async function killAll(killing: Killing): Promise<Toll> {
  const began = performance.now();
  const random = randomNumbers(killing.seed);
  const twice: number[] = [];
  const troubles = new Map<string, number>();
  let [kills, models] = [0, 0];
  while (kills < killing.kills) {
    const weights = killing.model.blobs.reduce((a, b) => a.size > b.size ? a : b);
    const trouble = killing.rough ? troubleOf(random, weights.size) : undefined;
    const most = Math.min(KILLS_EACH, killing.kills - kills);
    try {
      const costs = await killOne(killing, weights, trouble, most, random);
      const before = kills;
      kills += costs.length;
      if (Math.floor(before / REPORT_EVERY) < Math.floor(kills / REPORT_EVERY)) {
        console.error(`${killing.client.name}: ${kills} kills`);
      }
      if (!trouble?.costs) twice.push(...costs);
    } catch (error) {
      const { message } = error as Error;
      const what = `${killing.client.name}, model ${models}, seed ${killing.seed}`;
      throw new Error(`${what}, trouble ${trouble?.name}: ${message}`, { cause: error });
    }
    models++;
    if (trouble) troubles.set(trouble.name, (troubles.get(trouble.name) ?? 0) + 1);
  }
  const seconds = (performance.now() - began) / 1000;
  return { kills, models, twice, seconds, troubles };
}

/** Downloads one model into a new folder, with at most `most` kills; what each of them cost. */
async function killOne(
  killing: Killing,
  weights: Pushed["blobs"][number],
  trouble: Trouble | undefined,
  most: number,
  random: () => number,
): Promise<number[]> {
  const { client, front, model, bytesPerSecond, rough } = killing;
  await using place = await temporaryFolder();
  const target = { host: front.host, model, digest: weights.digest, folder: place.path };
  const expiry = trouble?.expiresMs && setInterval(() => front.expire(), trouble.expiresMs);
  const first = front.requests.length;
  front.fault = (request, n) =>
    request.path.endsWith(weights.digest) ? trouble?.fault(request, n - first) : undefined;
  const costs: number[] = [];
  let had: Range[] = [];
  const account = (from: number, sent: (request: LoggedRequest) => number) => {
    const ranges = front.requests.slice(from)
      .filter(({ path, status }) => path.endsWith(weights.digest) && (status ?? 0) < 300)
      .map((request) => ({
        start: request.range?.start ?? 0,
        end: (request.range?.start ?? 0) + sent(request),
      }))
      .filter(({ start, end }) => start < end);
    const again = total(intersect(union(ranges), had));
    if (costs.length > 0) costs[costs.length - 1]! += again;
    had = union([...had, ...ranges]);
  };
  try {
    for (let left = most; left > 0; left--) {
      if (rough && random() < 0.1) await age(place.path);
      if (rough && REAL_OLLAMA && random() < 0.03) await startAndEndOllama(place.path);
      const from = front.requests.length;
      const rest = Math.max(0, weights.size - total(had));
      const longestMs = 1500 * rest / (left + 1) / bytesPerSecond;
      const killed = await killedRun(killing, target, longestMs, from, random);
      if (!killed) break;
      account(from, killed.sentAtKill);
      costs.push(0);
    }
    const from = front.requests.length;
    await finish(client, target);
    await Promise.all(front.requests.slice(from).map(({ over }) => over));
    account(from, ({ sent }) => sent);
  } finally {
    clearInterval(expiry);
    front.fault = () => undefined;
  }
  assert.equal(`sha256:${sha256Of(client.weights(target))}`, weights.digest, "wrong bytes");
  if (rough) await assertWhole(target);
  return costs;
}

/** Starts a download, perhaps two, and ends it at a random moment. Undefined if it was complete before. */
async function killedRun(
  { client, front, rough }: Killing,
  target: Target,
  longestMs: number,
  from: number,
  random: () => number,
): Promise<{ readonly sentAtKill: (request: LoggedRequest) => number } | undefined> {
  const early = random() < 0.2;
  const paused = rough && random() < 0.05;
  const signal = rough && random() < 0.15 ? "SIGTERM" : "SIGKILL";
  const runs = [await client.start(target)];
  if (rough && random() < 0.1) runs.push(await client.start(target));
  let over = false;
  for (const { ended } of runs) ended.then(() => over = true);
  const weightsAsked = () =>
    front.requests.slice(from).some(({ path, sent }) => path.endsWith(target.digest) && sent > 0);
  for (let waited = 0; !early && !over && !weightsAsked(); waited++) {
    assert.ok(waited < LONGEST, "it downloads nothing");
    await pause(1);
  }
  await pause(early ? random() * 500 : random() * longestMs);
  if (paused) {
    for (const run of runs) run.signal("SIGSTOP");
    await pause(PAUSED_MS);
    for (const run of runs) run.signal("SIGCONT");
    await pause(random() * longestMs);
  }
  const sent = new Map(front.requests.slice(from).map((request) => [request, request.sent]));
  for (const run of runs) run.signal(signal);
  const codes = await Promise.all(runs.map((run) => inTime(run, LONGEST_STOP, `after ${signal}`)));
  await Promise.all(front.requests.slice(from).map(({ over }) => over));
  if (codes.includes(0)) return undefined;
  return {
    // What was sent to a process that had been killed did not arrive; one that stops in order still takes some.
    sentAtKill: (request) => signal === "SIGKILL" ? sent.get(request) ?? 0 : request.sent,
  };
}

async function finish(client: Client, target: Target): Promise<void> {
  const run = await client.start(target);
  const code = await inTime(run, LONGEST, "without a kill");
  assert.equal(code, 0, await run.text());
}

async function inTime(run: Download, ms: number, when: string): Promise<number | undefined> {
  const late = setTimeout(() => run.signal("SIGKILL"), ms);
  const began = performance.now();
  const code = await run.ended;
  clearTimeout(late);
  assert.ok(performance.now() - began < ms, `it hangs ${when}`);
  return code;
}

/** A server that starts removes what no model needs. */
async function startAndEndOllama(folder: string): Promise<void> {
  await Deno.mkdir(`${folder}/models`, { recursive: true });
  await using _server = await startOllama(`${folder}/models`, folder);
}

/** All of the model is there, and after a clean nothing else but what is kept for good. */
async function assertWhole({ model, folder }: Target): Promise<void> {
  const models = `${folder}/models`;
  const { code, err } = await pullama(["clean", "--models-dir", models], { home: folder });
  assert.equal(code, 0, err);
  if (REAL_OLLAMA) {
    await age(models);
    await startAndEndOllama(folder);
  }
  for (const { digest } of model.blobs) {
    assert.equal(`sha256:${sha256Of(`${models}/blobs/${digest.replace(":", "-")}`)}`, digest);
  }
  const left = filesIn(models).filter((path) =>
    !/^(?:blobs\/sha256-[0-9a-f]{64}|manifests\/.*|\.pullm\/(?:ledger\.json|parts\/.*|.*\.lock))$/
      .test(path)
  );
  assert.deepEqual(left, [], "files are left");
}
