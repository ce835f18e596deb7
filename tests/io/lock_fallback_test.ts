import assert from "node:assert/strict";
import { tryLock } from "../../src/io/lock.ts";
import { otherHolder, scratch } from "./other_process.ts";

/** Runs `test` without `Deno.FsFile.tryLock`, as in versions of Deno before 2.7. */
function withoutTry(name: string, test: () => Promise<void>): void {
  Deno.test({
    name,
    // The request that a try leaves behind ends when the lock is free.
    sanitizeOps: false,
    async fn() {
      const file = Deno.FsFile.prototype as { tryLock?: unknown };
      const known = Object.getOwnPropertyDescriptor(file, "tryLock");
      delete file.tryLock;
      try {
        await test();
      } finally {
        if (known) Object.defineProperty(file, "tryLock", known);
      }
    },
  });
}

withoutTry(
  "tryLock() works without Deno.FsFile.tryLock: free, held, released by a kill",
  async () => {
    await using dir = await scratch();
    const path = `${dir.path}/x.lock`;
    {
      await using _other = await otherHolder(path);
      assert.equal(await tryLock(path), undefined);
    }
    using lock = await tryLock(path);
    assert.ok(lock);
  },
);

withoutTry(
  "tryLock() without Deno.FsFile.tryLock does not get the lock after it has failed",
  async () => {
    await using dir = await scratch();
    const path = `${dir.path}/x.lock`;
    await using other = await otherHolder(path);
    assert.equal(await tryLock(path), undefined);
    assert.equal(await tryLock(path), undefined);
    await other.kill();
    for (let round = 0; round < 3; round++) {
      using lock = await tryLock(path);
      assert.ok(lock, `round ${round}`);
    }
  },
);
