import assert from "node:assert/strict";
import { holderOf, tryLock, tryLockExisting, waitLock } from "../../src/io/lock.ts";
import { otherHolder, scratch } from "./other_process.ts";
import { testWith } from "../needs.ts";

const noSignal = () => new AbortController().signal;

testWith(
  ["readable locks"],
  "tryLock() fails while another process holds the lock, and holderOf() names it",
  async () => {
    await using dir = await scratch();
    const path = `${dir.path}/x.lock`;
    {
      await using other = await otherHolder(path);
      assert.equal(await tryLock(path), undefined);
      assert.equal(await holderOf(path), `pid ${other.pid} on ${Deno.hostname()}`);
    }
    using lock = await tryLock(path);
    assert.ok(lock);
    assert.equal(await holderOf(path), `pid ${Deno.pid} on ${Deno.hostname()}`);
  },
);

testWith(
  ["readable locks"],
  "waitLock() reports the holder, and gets the lock when that process is killed",
  async () => {
    await using dir = await scratch();
    const path = `${dir.path}/x.lock`;
    await using other = await otherHolder(path);
    const told: (string | undefined)[] = [];
    const waits = Promise.withResolvers<void>();
    const wanted = waitLock(path, {
      signal: noSignal(),
      onWait: (holder) => {
        told.push(holder);
        waits.resolve();
      },
    });
    await waits.promise;
    await other.kill();
    using _lock = await wanted;
    assert.deepEqual(told, [`pid ${other.pid} on ${Deno.hostname()}`]);
    assert.equal(await tryLock(path), undefined);
  },
);

Deno.test("waitLock() does not call onWait if the lock is free", async () => {
  await using dir = await scratch();
  using _lock = await waitLock(`${dir.path}/x.lock`, {
    signal: noSignal(),
    onWait: () => assert.fail(),
  });
});

Deno.test("waitLock() does not call onWait if its signal is aborted while the lock is taken", async () => {
  await using dir = await scratch();
  const stop = new AbortController();
  let told = 0;
  const wanted = waitLock(`${dir.path}/x.lock`, { signal: stop.signal, onWait: () => told++ });
  stop.abort(new Error("enough"));
  await wanted.then((lock) => lock[Symbol.dispose](), () => {});
  assert.equal(told, 0, "no process holds it");
});

Deno.test("waitLock() rejects with the reason of its signal, and does not get the lock later", async () => {
  await using dir = await scratch();
  const path = `${dir.path}/x.lock`;
  const held = await tryLock(path);
  const stop = new AbortController();
  const reason = new Error("enough");
  const wanted = waitLock(path, { signal: stop.signal, onWait: () => stop.abort(reason) });
  await assert.rejects(wanted, reason);
  held![Symbol.dispose]();
  // The request that was given up may be granted for a moment, and is dropped.
  using again = await waitLock(path, { signal: noSignal(), onWait: () => {} });
  assert.ok(again);
  await assert.rejects(
    waitLock(path, { signal: AbortSignal.abort(reason), onWait: () => {} }),
    reason,
  );
});

testWith(["readable locks"], "shared locks coexist, but not with an exclusive one", async () => {
  await using dir = await scratch();
  const path = `${dir.path}/x.lock`;
  const one = await tryLock(path, { shared: true });
  const other = await tryLock(path, { shared: true });
  assert.ok(one && other);
  assert.equal(await tryLock(path), undefined);
  assert.equal(await holderOf(path), `pid ${Deno.pid} on ${Deno.hostname()}`);
  one[Symbol.dispose]();
  assert.equal(await tryLock(path), undefined);
  other[Symbol.dispose]();
  using alone = await tryLock(path);
  assert.ok(alone);
  assert.equal(await tryLock(path, { shared: true }), undefined);
});

Deno.test("disposing a lock twice releases it once", async () => {
  await using dir = await scratch();
  const path = `${dir.path}/x.lock`;
  const lock = (await tryLock(path))!;
  lock[Symbol.dispose]();
  using _next = await tryLock(path);
  lock[Symbol.dispose]();
  assert.equal(await tryLock(path), undefined);
});

testWith(
  ["removal of files in use"],
  "case 96: waitLock() locks the new file if the lock file is removed while it waits",
  async () => {
    await using dir = await scratch();
    const path = `${dir.path}/x.lock`;
    const first = (await tryLock(path))!;
    const waits = Promise.withResolvers<void>();
    const wanted = waitLock(path, { signal: noSignal(), onWait: () => waits.resolve() });
    await waits.promise;
    await Deno.remove(path);
    const second = (await tryLock(path))!;
    assert.ok(second, "a new file of that name");
    first[Symbol.dispose]();
    // Granted on the removed file, which says nothing: the new one is still held.
    const early = await Promise.race([wanted, new Promise((go) => setTimeout(go, 50))]);
    assert.equal(early, undefined);
    second[Symbol.dispose]();
    using _third = await wanted;
    assert.equal(await tryLock(path), undefined);
  },
);

Deno.test("case 96: a lock file that its holders keep removing never has two holders", async () => {
  await using dir = await scratch();
  const path = `${dir.path}/x.lock`;
  let holders = 0;
  let rounds = 0;
  const work = async () => {
    for (let n = 0; n < 40; n++) {
      using _lock = await waitLock(path, { signal: noSignal(), onWait: () => {} });
      assert.equal(++holders, 1);
      await Deno.stat(dir.path);
      holders--;
      rounds++;
      // Only who holds it removes it, as cleaning up does; from then on it holds nothing.
      if (n % 3 === 0) await Deno.remove(path);
    }
  };
  await Promise.all([work(), work(), work()]);
  assert.equal(rounds, 120);
});

Deno.test("tryLockExisting() locks a file, even across a rename, and does not change its content", async () => {
  await using dir = await scratch();
  const path = `${dir.path}/data`;
  await assert.rejects(tryLockExisting(path), { kind: "local" });
  await Deno.writeTextFile(path, "bytes");
  const guard = (await tryLockExisting(path))!;
  assert.equal(await tryLockExisting(path), undefined);
  await Deno.rename(path, `${path}2`);
  assert.equal(await tryLockExisting(`${path}2`), undefined, "it goes with the file");
  guard[Symbol.dispose]();
  (await tryLockExisting(`${path}2`))![Symbol.dispose]();
  assert.equal(await Deno.readTextFile(`${path}2`), "bytes");
});

Deno.test("holderOf() is undefined if the lock file is missing or has other content", async () => {
  await using dir = await scratch();
  const path = `${dir.path}/x.lock`;
  assert.equal(await holderOf(path), undefined);
  for (const text of ["", "\u001b[31mred", "\0\0\0"]) {
    await Deno.writeTextFile(path, text);
    assert.equal(await holderOf(path), undefined);
  }
});

Deno.test("tryLock() creates the lock file with the given ownership", async () => {
  await using dir = await scratch();
  using _lock = await tryLock(`${dir.path}/x.lock`, { ownership: { mode: 0o666 } });
  assert.equal((await Deno.stat(`${dir.path}/x.lock`)).mode! & 0o777, 0o666);
});

Deno.test("tryLock() rejects if the directory does not exist", async () => {
  await using dir = await scratch();
  await assert.rejects(tryLock(`${dir.path}/none/x.lock`), { kind: "local", message: /x\.lock/ });
});
