import assert from "node:assert/strict";
import { tryHeartbeatLock } from "../../src/io/heartbeat_lock.ts";
import { scratch } from "./other_process.ts";

/** Gives a file the time of long ago, as of a process that died or is suspended. */
function leave(path: string): void {
  Deno.utimeSync(path, 1000, 1000);
}

/** What a process left that was killed. */
function leaveDead(path: string): void {
  Deno.writeTextFileSync(path, "pid 9 on dead\nuuid\n");
  leave(path);
}

/** Runs `around` in place of the next rename of `path`. */
function atRename(
  path: string,
  around: (rename: () => Promise<void>) => Promise<void>,
): Disposable {
  const { rename } = Deno;
  let isDone = false;
  Deno.rename = async (from, to) => {
    if (isDone || String(from) !== path) return await rename(from, to);
    isDone = true;
    await around(() => rename(from, to));
  };
  return {
    [Symbol.dispose]() {
      Deno.rename = rename;
      assert.ok(isDone, `${path} was not renamed`);
    },
  };
}

/** A holder that seems dead, and wakes just before its file is moved aside; `then` is called after that. */
function atWaking(held: string, then: () => Promise<void> = () => Promise.resolve()): Disposable {
  leave(held);
  return atRename(held, async (rename) => {
    Deno.writeTextFileSync(held, Deno.readTextFileSync(held));
    await rename();
    await then();
  });
}

function namesIn(path: string): readonly string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name);
}

for (const shared of [true, false]) {
  const kind = shared ? "shared" : "exclusive";
  Deno.test(`a holder that wakes while its heartbeat lock is taken keeps it, ${kind}`, async () => {
    await using dir = await scratch();
    const path = `${dir.path}/store.lock`;
    const held = `${path}.held`;
    {
      using holder = await tryHeartbeatLock(path, "pid 1 on a");
      assert.ok(holder);
      using _wakes = atWaking(held);
      assert.equal(await tryHeartbeatLock(path, "pid 2 on b", shared), undefined);
      assert.match(Deno.readTextFileSync(held), /^pid 1 on a\n/);
    }
    assert.deepEqual(namesIn(dir.path), []);
  });
}

Deno.test("the heartbeat lock of a dead process has one holder, however slow the first of three is", async () => {
  await using dir = await scratch();
  const path = `${dir.path}/x.lock`;
  const held = `${path}.held`;
  leaveDead(held);
  using locks = new DisposableStack();
  let count = 0;
  const attempt = async (pid: number) => {
    const lock = await tryHeartbeatLock(path, `pid ${pid} on a`);
    if (lock) locks.use(lock);
    if (lock) count++;
  };
  {
    using _slow = atRename(held, async (rename) => {
      await attempt(2);
      await rename();
      await attempt(3);
    });
    await attempt(1);
  }
  assert.equal(count, 1);
});

Deno.test("while a living holder's file is moved aside, its heartbeat lock is not free", async () => {
  for (const shared of [true, false]) {
    await using dir = await scratch();
    const path = `${dir.path}/store.lock`;
    const held = `${path}.held`;
    using holder = await tryHeartbeatLock(path, "pid 1 on a");
    assert.ok(holder);
    let third: Disposable | undefined;
    {
      using _wakes = atWaking(held, async () => {
        third = await tryHeartbeatLock(path, "pid 3 on c", shared);
      });
      assert.equal(await tryHeartbeatLock(path, "pid 2 on b"), undefined);
    }
    assert.equal(third, undefined, shared ? "shared" : "exclusive");
    assert.match(Deno.readTextFileSync(held), /^pid 1 on a\n/);
  }
});

Deno.test("a process that died while it took a heartbeat lock does not keep it from others", async () => {
  await using dir = await scratch();
  const path = `${dir.path}/x.lock`;
  leaveDead(`${path}.held`);
  leaveDead(`${path}.held-0`);
  leaveDead(`${path}.held.taking`);
  {
    using lock = await tryHeartbeatLock(path, "pid 1 on a");
    assert.ok(lock);
    assert.deepEqual(namesIn(dir.path), ["x.lock.held"]);
  }
  assert.deepEqual(namesIn(dir.path), []);
});
