/** Several processes that pull into one models folder at the same time. */

import assert from "node:assert/strict";
import { openFolder } from "../../src/store/store.ts";
import { exists } from "../fakes/exists.ts";
import { makeModel } from "../fakes/model.ts";
import { type AddedModel, startRegistry } from "../fakes/registry.ts";
import { kill } from "../real/child.ts";
import { assertInstalled, filesIn } from "../real/store.ts";
import { MIB } from "./kills.ts";
import { type Machine, machine, type Run } from "./machine.ts";

export interface Together {
  readonly processes: number;
  /** What is a link to another file system. */
  readonly elsewhere?: "blobs" | "manifests" | "models" | undefined;
  /** Chance that a process is killed at a random moment. */
  readonly kills?: number;
  /** Commands that run beside the pulls. */
  readonly beside?: readonly (readonly string[])[];
  readonly random: () => number;
}

/** A second file system; undefined: there is none. The compiled program may not write below /dev. */
export const ELSEWHERE: string | undefined = exists("/dev/shm") && !Deno.env.get("PULLAMA_BIN")
  ? "/dev/shm"
  : undefined;

const WEIGHTS = 2 * MIB;

/** One round in an empty folder. Every process must do what it would have done alone. */
export async function pullTogether(together: Together): Promise<void> {
  const { processes, elsewhere, kills = 0, beside = [], random } = together;
  await using registry = await startRegistry({});
  await using place = await machine();
  await using _other = await folderElsewhere(place, elsewhere);
  const model = makeModel({ size: WEIGHTS, seed: 1 });
  const more = makeModel({ size: WEIGHTS / 8, seed: 2 });
  const shared = { ...more, layers: [...model.layers, more.layers[0]!] };
  const models = [
    registry.add("library/tiny:latest", model),
    registry.add("library/more:latest", shared),
    registry.add("library/tiny:other", model),
  ];
  const used = Array.from({ length: processes }, (_, i) => models[Math.floor(i / 2) % 3]!);
  const weights = models[0]!.layers[0]!;
  const runs: Run[] = [];
  await using stack = new AsyncDisposableStack();
  const start = (args: readonly string[]) => {
    const run = stack.use(place.start(args));
    runs.push(run);
    return run;
  };
  const pulls = used.map(({ name }) => start([name, "--output", "compact"]));
  for (const args of beside) start(args);
  const killed = new Set<Run>();
  const killing = pulls.filter(() => random() < kills).map(async (run) => {
    await new Promise((go) => setTimeout(go, random() * 900));
    kill(run.process, "SIGKILL");
    killed.add(run);
  });
  const codes = await Promise.all(runs.map(async (run) => (await run.ended).code));
  await Promise.all(killing);
  for (const [i, code] of codes.entries()) {
    const run = runs[i]!;
    if (killed.has(run)) continue;
    assert.equal(code, 0, `${i}: exit code ${code}: ${run.out()}${run.err()}`);
  }
  if (killed.size === 0) assert.equal(registry.served(weights.digest), weights.size);
  else await finish(place, used);
  for (const { name, manifest, config, layers } of used) {
    assertInstalled(place.models, name, { manifest, blobs: [...layers, config!] });
  }
  await assertTidy(place, used);
}

/** What was killed is done again; then nothing may fail. */
async function finish(place: Machine, used: readonly AddedModel[]): Promise<void> {
  for (const name of new Set(used.map(({ name }) => name))) {
    await using run = place.start([name, "--output", "compact"]);
    assert.equal((await run.ended).code, 0, run.out() + run.err());
  }
}

/** After clean there is nothing but the models and the records that all pulls share. */
async function assertTidy(place: Machine, used: readonly AddedModel[]): Promise<void> {
  const { signal } = new AbortController();
  const report = await openFolder(place.models)
    .clean({ models: [], dryRun: false, queue: false, signal });
  assert.deepEqual(report.left, []);
  const own = filesIn(`${place.models}/.pullm`).filter((name) => !name.endsWith(".lock"));
  assert.deepEqual(own, ["ledger.json"]);
  const wanted = used.flatMap(({ config, layers }) => [...layers, config!])
    .map(({ digest }) => digest.replace(":", "-"));
  assert.deepEqual(filesIn(`${place.models}/blobs`), [...new Set(wanted)].sort());
}

async function folderElsewhere(
  { models }: Machine,
  what: Together["elsewhere"],
): Promise<AsyncDisposable> {
  if (what === undefined) return { [Symbol.asyncDispose]: () => Promise.resolve() };
  const target = await Deno.makeTempDir({ dir: ELSEWHERE!, prefix: "pullama-together-" });
  if (what !== "models") await Deno.mkdir(models);
  await Deno.symlink(target, what === "models" ? models : `${models}/${what}`);
  return { [Symbol.asyncDispose]: () => Deno.remove(target, { recursive: true }) };
}
