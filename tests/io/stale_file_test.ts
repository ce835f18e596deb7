/** What NFS does, by simulation: a file that another computer removes is stale for those who look at it. */

import assert from "node:assert/strict";
import { HELD, tryHeartbeatLock } from "../../src/io/heartbeat_lock.ts";
import { tryLock } from "../../src/io/lock.ts";
import { scratch } from "./other_process.ts";

const stale = () =>
  Object.assign(new Error("Stale file handle (os error 116)"), { code: "ESTALE" });

/** Runs `act`, in which the first call of `name` removes the file at `path`, and fails. */
async function withStale<T>(
  on: { [name: string]: unknown },
  name: string,
  path: string,
  act: () => Promise<T>,
): Promise<T> {
  const known = Object.getOwnPropertyDescriptor(on, name)!;
  const restore = () => Object.defineProperty(on, name, known);
  const fail = () => {
    restore();
    Deno.removeSync(path);
    return Promise.reject(stale());
  };
  Object.defineProperty(on, name, { ...known, value: fail });
  try {
    return await act();
  } finally {
    restore();
  }
}

const MOMENTS = [
  ["before it is opened", Deno as unknown as Record<string, unknown>, "lstat"],
  ["before it is read", Deno.FsFile.prototype as unknown as Record<string, unknown>, "read"],
] as const;

for (const [when, on, name] of MOMENTS) {
  Deno.test(`a lock that its holder on another computer lets go of ${when} is free`, async () => {
    await using dir = await scratch();
    const held = `${dir.path}/x.lock${HELD}`;
    await Deno.writeTextFile(held, "pid 1 on other\n");
    const take = () => tryHeartbeatLock(`${dir.path}/x.lock`, "pid 2 on here");
    using lock = await withStale(on, name, held, take);
    assert.ok(lock);
  });
}

Deno.test("a lock file that is removed on another computer while it is opened is made again", async () => {
  await using dir = await scratch();
  const path = `${dir.path}/x.lock`;
  await Deno.writeTextFile(path, "");
  const deno = Deno as unknown as Record<string, unknown>;
  using lock = await withStale(deno, "lstat", path, () => tryLock(path));
  assert.ok(lock);
});
