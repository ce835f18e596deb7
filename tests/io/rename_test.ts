import assert from "node:assert/strict";
import { renamePatiently } from "../../src/io/rename.ts";

/** A disk on which somebody has the file open until `freeAt`, and a clock that only moves when it is slept by. */
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
  Deno.test(`renamePatiently() waits for who has the file open (os error ${code})`, async () => {
    const disk = busyDisk(3000, code);
    await renamePatiently(disk.rename, disk.clock);
    assert.ok(disk.tries() > 10);
    assert.ok(disk.now() >= 3000 && disk.now() < 3100);
  });
}

Deno.test("renamePatiently() gives up after ten seconds and says what stood in the way", async () => {
  const disk = busyDisk(Infinity);
  await assert.rejects(renamePatiently(disk.rename, disk.clock), /os error 32/);
  assert.ok(disk.now() >= 10_000 && disk.now() < 10_100);
});

Deno.test("renamePatiently() does not try again what cannot be", async () => {
  const disk = busyDisk(Infinity, 2);
  await assert.rejects(renamePatiently(disk.rename, disk.clock), /os error 2/);
  assert.equal(disk.tries(), 1);
});
