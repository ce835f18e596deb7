import assert from "node:assert/strict";
import { mapConcurrent } from "../../src/io/concurrency.ts";

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
