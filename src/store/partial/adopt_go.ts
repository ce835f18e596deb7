/** Taking over what the Go program left unfinished in blobs/, where a starting server would remove it. */

import { fileError, isLinkUnsupported, isMissing } from "../../io/file_error.ts";
import type { Disk, Ownership } from "../../io/disk.ts";
import { type Lock, tryLockExisting } from "../../io/lock.ts";
import type { BlobPaths } from "../layout/paths.ts";

/**
 * Moves its partial file to ours, unless ours exists already, that program is at work on it, or it lies
 * on another file system. Returns whether it was moved. The blob's lock is the caller's.
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

/** The lock of the other program, which locks as we do; it is not ours to write to or to make. */
async function oldLock(path: string): Promise<Lock | undefined> {
  try {
    return await tryLockExisting(path);
  } catch (error) {
    if (isMissing(error)) return { path, [Symbol.dispose]() {} };
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw fileError(error, "read", path);
  }
}
