/** Taking over a partial download of the Go program from blobs/, where a starting Ollama server would remove it. */

import type { Disk, Ownership } from "../../io/disk.ts";
import { isLinkUnsupported, isMissing } from "../../io/file_error.ts";
import { type Lock, tryLockExisting } from "../../io/lock.ts";
import { exists } from "../../io/stat.ts";
import type { BlobPaths } from "../layout/paths.ts";

/**
 * Moves its partial file to ours, unless ours exists already, the Go program is running and has it locked, or it
 * is on another file system. Returns whether it was moved. The blob's lock is the caller's.
 */
export async function adoptPartial(
  disk: Disk,
  at: BlobPaths,
  ownership: Ownership,
): Promise<boolean> {
  if (await exists(at.partial) || !await exists(at.oldPartial)) return false;
  using lock = await oldLock(at.oldLock);
  if (!lock) return false;
  try {
    await disk.rename(at.oldPartial, at.partial);
  } catch (error) {
    if (isLinkUnsupported(error) || isMissing(error)) return false;
    throw error;
  }
  await disk.own(at.partial, ownership);
  return true;
}

/** The lock of the Go program, which is never written to or made by us. */
async function oldLock(path: string): Promise<Lock | undefined> {
  try {
    return await tryLockExisting(path);
  } catch (error) {
    if (isMissing(error)) return { path, [Symbol.dispose]() {} };
    throw error;
  }
}
