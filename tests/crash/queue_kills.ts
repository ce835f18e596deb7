/** Kills a running queue repeatedly while other processes add to it. */

import assert from "node:assert/strict";
import { kill, wasKilled } from "../real/child.ts";
import { randomNumbers } from "../random.ts";
import { type Adder, type QueueWorld, queueWorld, startAdder } from "./queue_world.ts";

export interface QueueKilling {
  readonly kills: number;
  /** Number of models that each of three processes adds during each run. */
  readonly each: number;
  readonly seed: number;
}

const ADDERS = ["a", "b", "c"];
/** After this many kills a run may finish the queue. */
const SOME_KILLS = 20;
/** Maximum milliseconds before a kill, and before each addition. */
const WORK_MS = 120;

/**
 * Asserts that every added model is in the queue exactly once, that at most one is active, and that
 * a run that is not killed installs all of them. Returns the number of runs that were killed during
 * a pull.
 */
export async function killTheQueue({ kills, each, seed }: QueueKilling): Promise<number> {
  await using world = await queueWorld();
  const { place, registry } = world;
  const random = randomNumbers(seed);
  const models = Array.from(
    { length: kills * (1 + ADDERS.length * each) },
    (_, i) => world.model(`t/m${i}`),
  );
  const told = [...models];
  const added: string[] = [];
  await using stack = new AsyncDisposableStack();
  const adders: Adder[] = ADDERS.map(() => stack.use(startAdder(place.models)));
  let atWork = 0;

  const addNext = async (adder: Adder) => {
    const { name } = told.pop()!;
    await adder.add(name);
    added.push(name);
  };

  const runToItsEnd = async (when: string) => {
    const { entries: listed } = JSON.parse((await world.queue("list", "--output", "json")).out);
    const open = listed.filter(({ status }: { status: string }) => status !== "completed");
    assert.ok(open.every(({ status }: { status: string }) => status === "queued"), when);
    await using run = world.start("--output", "json");
    assert.equal((await run.ended).code, 0, `${when}: ${run.err()}`);
    assertAllThere(world.entries(), added, registry.host, when);
    assert.deepEqual(world.entries().filter(([_, status]) => status !== "completed"), [], when);
  };

  for (let round = 0; round < kills; round++) {
    await addNext(adders[round % adders.length]!);
    await using run = world.start("--output", "json");
    const begun = Promise.race([run.says(/queue_entry/).catch(() => {}), run.ended]);
    const adding = Promise.all(adders.map(async (adder) => {
      if (random() < 0.8) await begun;
      for (let n = 0; n < each; n++) {
        await pause(random() * WORK_MS);
        await addNext(adder);
      }
    }));
    // It is awaited below; until then a rejection must not be unhandled.
    adding.catch(() => {});
    if (random() < 0.8) await begun;
    await pause(random() * WORK_MS);
    kill(run.process, "SIGKILL");
    if (wasKilled(await run.ended) && run.out().includes("queue_entry")) atWork++;
    await adding;
    const when = `seed ${seed}, round ${round}`;
    assertAllThere(world.entries(), added, registry.host, when);
    if ((round + 1) % SOME_KILLS === 0 || round === kills - 1) await runToItsEnd(when);
  }

  world.assertInstalled(...models);
  return atWork;
}

function assertAllThere(
  entries: ReturnType<QueueWorld["entries"]>,
  added: readonly string[],
  host: string,
  when: string,
): void {
  const expected = added.map((name) => `${name.slice(host.length + 1)}`).sort();
  assert.deepEqual(entries.map(([name]) => name).sort(), expected, when);
  assert.ok(entries.filter(([_, status]) => status === "active").length <= 1, when);
  assert.deepEqual(entries.filter(([_, status]) => status === "failed"), [], when);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
