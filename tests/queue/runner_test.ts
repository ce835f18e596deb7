import assert from "node:assert/strict";
import { parseName } from "../../src/core/name.ts";
import { type Disk, realDisk } from "../../src/io/disk.ts";
import { becomeRunner, changeQueue } from "../../src/queue/file.ts";
import { waitLock } from "../../src/io/lock.ts";
import { add } from "../../src/queue/queue.ts";
import { runQueue, type Turn, type TurnEnd } from "../../src/queue/runner.ts";
import { entriesIn, type Scratch, scratch, textOf, UNLIMITED } from "./place.ts";

const NOW = new Date("2026-05-06T07:08:09.123Z");

interface Ran {
  readonly left: readonly string[];
  readonly turns: readonly Turn[];
}

/** Runs the queue; `pull` may return the result of a model. */
async function run(
  it: Scratch,
  pull: (model: string) => TurnEnd["ended"] | void | Promise<void>,
  enough: AbortSignal = new AbortController().signal,
): Promise<Ran> {
  const turns: Turn[] = [];
  const left = await runQueue(it.place, {
    async pullOne(turn) {
      turns.push(turn);
      const model = /([a-z]+):/.exec(turn.given)![1]!;
      const ended = await pull(model) ?? "pulled";
      return ended === "failed" ? { ended, reason: `no ${model}` } : { ended };
    },
    enough,
    wait: UNLIMITED,
    now: () => NOW,
  });
  return { left, turns };
}

async function addTo(it: Scratch, ...names: readonly string[]): Promise<void> {
  await changeQueue(it.place, UNLIMITED, (queue) => {
    const { queue: after } = add(queue, names.map(parseName), "2026-01-01T00:00:00Z");
    return { queue: after, result: undefined };
  });
}

function places({ turns }: Ran): string[] {
  return turns.map(({ index, count }) => `${index}/${count}`);
}

Deno.test("runQueue() pulls in order, one after another, and leaves completed and failed entries alone", async () => {
  await using it = await scratch();
  it.write(textOf("a", "b completed", "c failed", "d"));
  const during: string[][] = [];
  const ran = await run(it, () => void during.push(entriesIn(it.text())));
  assert.deepEqual(ran.turns.map(({ given }) => given), [
    "registry.ollama.ai/library/a:latest",
    "registry.ollama.ai/library/d:latest",
  ]);
  assert.deepEqual(places(ran), ["1/2", "2/2"]);
  assert.deepEqual(during, [
    ["a active", "b completed", "c failed", "d queued"],
    ["a completed", "b completed", "c failed", "d active"],
  ]);
  assert.deepEqual(entriesIn(it.text()), ["a completed", "b completed", "c failed", "d completed"]);
  assert.deepEqual(ran.left, []);
});

Deno.test("case 110: runQueue() marks a failed entry with the reason and continues", async () => {
  await using it = await scratch();
  it.write(textOf("a", "b", "c"));
  await run(it, (model) => model === "b" ? "failed" : "pulled");
  assert.deepEqual(entriesIn(it.text()), ["a completed", "b failed", "c completed"]);
  const { entries } = JSON.parse(it.text()!);
  assert.equal(entries[1].error, "no b");
  assert.equal(Date.parse(entries[1].finished_at), NOW.getTime());
  assert.equal(entries[0].error, undefined);
});

Deno.test("case 108: runQueue() pulls models added during the run in the same run", async () => {
  await using it = await scratch();
  it.write(textOf("a", "c failed"));
  const ran = await run(it, async (model) => {
    if (model === "a") await addTo(it, "b", "c", "a");
    if (model === "c") await addTo(it, "d");
  });
  assert.deepEqual(places(ran), ["1/1", "2/3", "3/3", "4/4"]);
  assert.deepEqual(
    entriesIn(it.text()),
    ["a completed", "b completed", "c completed", "d completed"],
  );
});

Deno.test("case 109: runQueue() pulls entries again that a dead runner left active", async () => {
  await using it = await scratch();
  it.write(textOf("a completed", "b active", "c active"));
  const ran = await run(it, () => {});
  assert.deepEqual(places(ran), ["1/2", "2/2"]);
  assert.deepEqual(entriesIn(it.text()), ["a completed", "b completed", "c completed"]);
});

Deno.test("runQueue() starts no further model after the signal, and returns those left", async () => {
  await using it = await scratch();
  it.write(textOf("a", "b", "c"));
  const enough = new AbortController();
  const ran = await run(it, () => enough.abort(), enough.signal);
  assert.equal(ran.turns.length, 1);
  assert.deepEqual(entriesIn(it.text()), ["a completed", "b queued", "c queued"]);
  assert.deepEqual(ran.left, [
    "registry.ollama.ai/library/b:latest",
    "registry.ollama.ai/library/c:latest",
  ]);
  assert.equal((await run(it, () => {}, AbortSignal.abort())).turns.length, 0);
  assert.deepEqual(entriesIn(it.text()), ["a completed", "b queued", "c queued"]);
});

Deno.test("runQueue() starts no model when the signal comes while its entry is written", async () => {
  const enough = new AbortController();
  const disk: Disk = Object.create(realDisk, {
    rename: {
      async value(from: string, to: string) {
        await realDisk.rename(from, to);
        enough.abort();
      },
    },
  });
  await using it = await scratch(disk);
  it.write(textOf("a", "b"));
  const ran = await run(it, () => {}, enough.signal);
  assert.deepEqual(ran.turns, []);
  assert.deepEqual(entriesIn(it.text()), ["a queued", "b queued"]);
  assert.equal(ran.left.length, 2);
});

Deno.test("runQueue() ends with the signal while another process keeps the queue locked", async () => {
  for (const entries of [["a"], []]) {
    await using it = await scratch();
    it.write(textOf(...entries));
    using locks = new DisposableStack();
    const lock = async () => locks.use(await waitLock(it.place.lock, UNLIMITED));
    if (entries.length > 0) await lock();
    const enough = new AbortController();
    const left = await runQueue(it.place, {
      pullOne: () => assert.fail("a model is started"),
      enough: enough.signal,
      wait: { ...UNLIMITED, limitMs: 5000, onWait: () => enough.abort() },
      now: () => NOW,
      onIdle: () => void lock().then(() => it.write(textOf("a"))),
    });
    assert.deepEqual(left, ["registry.ollama.ai/library/a:latest"]);
    assert.deepEqual(entriesIn(it.text()), ["a queued"]);
  }
});

Deno.test("runQueue() queues an interrupted entry again in its place, and ends", async () => {
  await using it = await scratch();
  it.write(textOf("a", "b", "c"));
  const ran = await run(it, (model) => model === "b" ? "interrupted" : "pulled");
  assert.deepEqual(entriesIn(it.text()), ["a completed", "b queued", "c queued"]);
  assert.equal(ran.left.length, 2);
  assert.equal(ran.left[0], "registry.ollama.ai/library/b:latest");
});

Deno.test("runQueue() continues if the queue file is deleted during the run", async () => {
  await using it = await scratch();
  it.write(textOf("a", "b"));
  const ran = await run(it, async (model) => {
    if (model !== "a") return;
    await Deno.remove(it.place.file);
    await addTo(it, "c");
  });
  assert.deepEqual(ran.turns.map(({ given }) => given.slice(-8)), ["a:latest", "c:latest"]);
  assert.deepEqual(entriesIn(it.text()), ["c completed"]);
});

Deno.test("runQueue() releases the runner lock at the end, even after an error", async () => {
  await using it = await scratch();
  it.write(textOf("a"));
  const broken = run(it, () => Promise.reject(new Error("broken")));
  await assert.rejects(() => broken, /broken/);
  assert.deepEqual(entriesIn(it.text()), ["a active"]);
  using _lock = await becomeRunner(it.place, UNLIMITED);
  assert.deepEqual(entriesIn(it.text()), ["a queued"]);
});
