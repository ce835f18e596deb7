/** Several processes that pull into one models folder at the same time. */

import assert from "node:assert/strict";
import { pathsOf } from "../../src/store/layout/paths.ts";
import { openFolder } from "../../src/store/store.ts";
import { fullName, parseName } from "../../src/core/name.ts";
import { slowed } from "../fakes/capacity.ts";
import { linkTo } from "../fakes/link.ts";
import { exists } from "../fakes/exists.ts";
import { mayMount, runCommand } from "../io/mount.ts";
import { makeModel } from "../fakes/model.ts";
import { type AddedModel, startRegistry } from "../fakes/registry.ts";
import { kill } from "../real/child.ts";
import { assertInstalled, filesIn } from "../real/store.ts";
import { MIB } from "./kills.ts";
import { type Machine, machine, type Run } from "./machine.ts";

export interface Together {
  readonly processes: number;
  /** What is on another file system, or blobs/ a mount of its own on the same one. */
  readonly elsewhere?: "blobs" | "manifests" | "models" | "mounted blobs" | undefined;
  /** A command that runs each of them, such as one that makes system calls fail. */
  readonly prefix?: readonly string[];
  /** Chances that a pull gets a signal at a random moment; one that is paused continues. */
  readonly kills?: number;
  readonly interrupts?: number;
  readonly pauses?: number;
  /** Commands that run beside the pulls. `MODEL` is one of the models. */
  readonly beside?: readonly (readonly string[])[];
  /** Of the blobs at the end; default that of their folder. */
  readonly mode?: number;
  readonly random: () => number;
}

/** Whether there is a second file system: one can be mounted, or the program may write to the usual one. */
export const HAS_ELSEWHERE: boolean = mayMount() ||
  (exists("/dev/shm") && !Deno.env.get("PULLAMA_BIN"));

const WEIGHTS = 2 * MIB;
/** Milliseconds in which signals are sent, and the longest pause. */
const SIGNALS_MS = 900;
const PAUSE_MS = 1000;

/** One round in an empty folder. Every process must do what it would have done alone. */
export async function pullTogether(together: Together): Promise<void> {
  const { processes, elsewhere, prefix = [], beside = [], random } = together;
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
  await using stack = new AsyncDisposableStack();
  const start = (args: readonly string[]) => stack.use(place.start(args, prefix));
  const pulls = used.map(({ name }) => start([name, "--output", "compact"]));
  const others = beside.map((args) => {
    const named = args.map((word) =>
      word === "MODEL" ? models[Math.floor(random() * 3)]!.name : word
    );
    return { args: named, run: start(named) };
  });
  const disturbed = await disturb(pulls, together);
  for (const [i, run] of pulls.entries()) {
    const { code } = await run.ended;
    if (!disturbed.has(run)) assert.equal(code, 0, `${i}: ${run.out()}${run.err()}`);
  }
  for (const { args, run } of others) {
    const { code } = await run.ended;
    assert.ok(
      mayEnd(args, code, run.err()),
      `${args}: exit code ${code}: ${run.out()}${run.err()}`,
    );
  }
  const removes = beside.some(([command]) => command === "rm");
  if (disturbed.size === 0 && !removes) {
    const twice = registry.served(weights.digest) - weights.size;
    // On a busy computer a range may be requested again that was on its way.
    assert.ok(twice >= 0 && twice < await slowed(2 * MIB), `${twice} bytes came twice`);
  } else await finish(place, used);
  for (const { name, manifest, config, layers } of used) {
    assertInstalled(place.models, name, { manifest, blobs: [...layers, config!] });
  }
  await assertTidy(place, models, together.mode);
}

/** Sends signals to the pulls, as `together` says, until all have ended; returns those that need not succeed. */
async function disturb(
  pulls: readonly Run[],
  { kills = 0, interrupts = 0, pauses = 0, random }: Together,
): Promise<ReadonlySet<Run>> {
  const disturbed = new Set<Run>();
  const later = (ms: number) => new Promise((go) => setTimeout(go, random() * ms));
  await Promise.all(pulls.map(async (run) => {
    const chance = random();
    if (chance >= kills + interrupts + pauses) return;
    await later(SIGNALS_MS);
    if (chance < kills + interrupts) {
      kill(run.process, chance < kills ? "SIGKILL" : "SIGINT");
      disturbed.add(run);
      return;
    }
    kill(run.process, "SIGSTOP");
    await later(PAUSE_MS);
    kill(run.process, "SIGCONT");
  }));
  return disturbed;
}

/** Whether a command beside pulls may end so: a removal may be refused, or have nothing to remove. */
function mayEnd([command, sub]: readonly string[], code: number, err: string): boolean {
  if (code === 0) return true;
  if (command === "rm") return code === 4 || (code === 1 && /a pull is running/.test(err));
  return command === "queue" && sub === "start" && code === 1 && /is already running it/.test(err);
}

/** What was killed is done again; then nothing may fail. */
async function finish(place: Machine, used: readonly AddedModel[]): Promise<void> {
  for (const name of new Set(used.map(({ name }) => name))) {
    await using run = place.start([name, "--output", "compact"]);
    assert.equal((await run.ended).code, 0, run.out() + run.err());
  }
}

/** After clean there is nothing but the models and the records that all pulls share. */
async function assertTidy(
  place: Machine,
  models: readonly AddedModel[],
  expected?: number,
): Promise<void> {
  const { signal } = new AbortController();
  const folder = openFolder(place.models);
  const { left } = await folder.clean({ models: [], dryRun: false, queue: true, signal });
  assert.deepEqual(left, []);
  const paths = pathsOf(place.models);
  const own = filesIn(paths.own).filter((name) => !name.endsWith(".lock"));
  assert.deepEqual(own, ["ledger.json"]);
  const installed = new Set((await folder.names()).map(fullName));
  const wanted = models.filter(({ name }) => installed.has(fullName(parseName(name))))
    .flatMap(({ config, layers }) => [...layers, config!]);
  const blobs = filesIn(paths.blobs).filter((name) => !name.startsWith(".pullm/"));
  const names = wanted.map(({ digest }) => digest.replace(":", "-"));
  assert.deepEqual(blobs, [...new Set(names)].sort());
  // Or the next pull would read the weights again.
  for (const { blob, state } of await folder.survey(wanted)) {
    if (blob.size >= MIB) assert.equal(state, "present", blob.digest);
  }
  const modeOf = (path: string) => Deno.statSync(path).mode! & 0o777;
  const mode = expected ?? modeOf(paths.blobs) & 0o666;
  for (const name of blobs) assert.equal(modeOf(`${paths.blobs}/${name}`), mode, name);
}

async function folderElsewhere(
  { models }: Machine,
  what: Together["elsewhere"],
): Promise<AsyncDisposable> {
  if (what === undefined) return { [Symbol.asyncDispose]: () => Promise.resolve() };
  if (what === "mounted blobs") return await mountedBlobs(models);
  const dir = mayMount() ? undefined : "/dev/shm";
  const target = await Deno.makeTempDir({ prefix: "pullama-together-", ...(dir && { dir }) });
  if (!dir) await runCommand("mount", "-t", "tmpfs", "tmpfs", target);
  if (what !== "models") await Deno.mkdir(models);
  linkTo(target, what === "models" ? models : `${models}/${what}`);
  return {
    async [Symbol.asyncDispose]() {
      if (!dir) await runCommand("umount", target);
      await Deno.remove(target, { recursive: true });
    },
  };
}

/** Links and renames between two mounts fail, although the number of the file system is the same. */
async function mountedBlobs(models: string): Promise<AsyncDisposable> {
  const [blobs, target] = [`${models}/blobs`, `${models}-blobs`];
  await Deno.mkdir(blobs, { recursive: true });
  await Deno.mkdir(target);
  await runCommand("mount", "--bind", target, blobs);
  return { [Symbol.asyncDispose]: () => runCommand("umount", blobs) };
}
