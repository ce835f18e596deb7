import assert from "node:assert/strict";
import { renameWithRetry } from "../../src/io/disk.ts";

/** A disk on which the file is in use until `freeAt`, and a clock that advances only by `sleep`. */
function busyDisk(freeAt: number, code = 32) {
  let now = 0;
  let tries = 0;
  return {
    clock: { now: () => now, sleep: (ms: number) => Promise.resolve(void (now += ms)) },
    tries: () => tries,
    now: () => now,
    rename() {
      tries++;
      if (now >= freeAt) return Promise.resolve();
      return Promise.reject(new Error(`The process cannot access the file. (os error ${code})`));
    },
  };
}

for (const code of [5, 32, 33]) {
  Deno.test(`renameWithRetry() retries while the file is in use (os error ${code})`, async () => {
    const disk = busyDisk(3000, code);
    await renameWithRetry(disk.rename, disk.clock);
    assert.ok(disk.tries() > 10);
    assert.ok(disk.now() >= 3000 && disk.now() < 3100);
  });
}

Deno.test("renameWithRetry() gives up after ten seconds, with the last error", async () => {
  const disk = busyDisk(Infinity);
  await assert.rejects(renameWithRetry(disk.rename, disk.clock), /os error 32/);
  assert.ok(disk.now() >= 10_000 && disk.now() < 10_100);
});

Deno.test("renameWithRetry() does not retry other errors", async () => {
  const disk = busyDisk(Infinity, 2);
  await assert.rejects(renameWithRetry(disk.rename, disk.clock), /os error 2/);
  assert.equal(disk.tries(), 1);
});
