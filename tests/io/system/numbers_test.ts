/** What macOS and Windows do otherwise, by simulation: their error numbers, and drives that cannot sync. */

import assert from "node:assert/strict";
import { fileError, isStaleHandle } from "../../../src/io/file_error.ts";
import { errorNumbers, hasNumber } from "../../../src/io/system/numbers.ts";
import { syncData } from "../../../src/io/system/sync.ts";
import { systemError } from "../../fakes/recording_disk.ts";

const failing = (error: Error) => ({ syncData: () => Promise.reject(error) });

Deno.test("syncData() is content with a network drive that cannot sync, and tells it", async () => {
  const told: unknown[] = [];
  const error = new Deno.errors.NotSupported("Operation not supported (os error 45)");
  await syncData(failing(error), "/Volumes/nas/x", (error) => told.push(error));
  assert.deepEqual(told, [error]);
});

Deno.test("syncData() fails where the data could not be written", async () => {
  for (const code of ["EIO", "ENOSPC"] as const) {
    const told: unknown[] = [];
    const syncing = syncData(failing(systemError(code)), "/x", (error) => told.push(error));
    await assert.rejects(syncing, { kind: code === "ENOSPC" ? "disk_full" : "local" });
    assert.deepEqual(told, []);
  }
});

Deno.test("errorNumbers() has those of macOS where they differ from Linux", () => {
  const [mac, linux] = [errorNumbers("darwin"), errorNumbers("linux")];
  const quota = new Error("Disc quota exceeded (os error 69)");
  assert.ok(hasNumber(quota, mac.full) && hasNumber(quota, mac.quota));
  assert.ok(!hasNumber(quota, linux.full));
  assert.ok(hasNumber(new Error("No locks available (os error 77)"), mac.noLocks));
  assert.ok(!hasNumber(new Error("x (os error 37)"), mac.noLocks));
  assert.ok(hasNumber(new Error("No buffer space available (os error 55)"), mac.scarce));
});

Deno.test("isStaleHandle() knows a file of NFS that was removed on another computer", () => {
  const stale = Object.assign(new Error("Stale file handle (os error 116)"), { code: "ESTALE" });
  assert.ok(isStaleHandle(stale) && isStaleHandle(fileError(stale, "open", "/x")));
  assert.ok(!isStaleHandle(systemError("ENOENT")) && !isStaleHandle(systemError("EIO")));
  assert.ok(hasNumber(new Error("x (os error 116)"), errorNumbers("linux").stale));
  assert.ok(hasNumber(new Error("x (os error 70)"), errorNumbers("darwin").stale));
});

Deno.test("errorNumbers() has those of Windows, also for FAT and exFAT", () => {
  const windows = errorNumbers("windows");
  assert.ok(hasNumber(new Error("Falsche Funktion. (os error 1)"), windows.noLinks));
  assert.ok(hasNumber(new Error("The disk is full. (os error 112)"), windows.full));
  assert.ok(hasNumber(new Error("The file size exceeds … (os error 223)"), windows.tooLarge));
  assert.ok(!hasNumber(new Error("os error 112"), windows.full));
});
