import assert from "node:assert/strict";
import { onAbort } from "../../src/io/abort.ts";
import { mapConcurrent, mapTogether } from "../../src/io/concurrency.ts";

Deno.test("mapConcurrent() keeps the order and the limit of concurrency", async () => {
  let working = 0;
  let most = 0;
  const items = Array.from({ length: 50 }, (_, k) => k);
  const doubled = await mapConcurrent(items, 4, async (item) => {
    most = Math.max(most, ++working);
    for (let turns = item % 7; turns >= 0; turns--) await Promise.resolve();
    working--;
    return item * 2;
  });
  assert.deepEqual(doubled, items.map((item) => item * 2));
  assert.equal(most, 4);
  assert.deepEqual(await mapConcurrent([], 4, () => Promise.reject(new Error("none"))), []);
});

Deno.test("mapConcurrent() rejects with the first rejection", async () => {
  const work = (item: number) => item === 2 ? Promise.reject(new Error("two")) : Promise.resolve();
  await assert.rejects(mapConcurrent([1, 2, 3], 2, work), /two/);
});

Deno.test("mapTogether() ends what is running at the first failure, and rejects when all has ended", async () => {
  const ended: number[] = [];
  const { signal } = new AbortController();
  const work = async (item: number, signal: AbortSignal) => {
    if (item === 1) throw new Error("the first");
    await new Promise((resolve) => onAbort(signal, () => setTimeout(resolve)));
    ended.push(item);
    throw new Error("the second");
  };
  await assert.rejects(mapTogether([0, 1, 2, 3], 3, signal, work), /the first/);
  assert.deepEqual(ended, [0, 2]);
});

Deno.test("mapTogether() has the results in their order, also where the signal is aborted after the last one", async () => {
  const stop = new AbortController();
  const work = (item: number) => {
    if (item === 3) stop.abort(new Error("stopped"));
    return Promise.resolve(item * 2);
  };
  assert.deepEqual(await mapTogether([1, 2, 3], 2, stop.signal, work), [2, 4, 6]);
  await assert.rejects(mapTogether([1], 2, stop.signal, work), /stopped/);
});
