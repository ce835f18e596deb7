/** Replaces a small file atomically: a crash leaves either the old content or the new. */

import type { Disk, Ownership } from "./disk.ts";
import { isMissing } from "./file_error.ts";

/** How often a process that cleans may remove the same draft. */
const ROUNDS = 10;

/**
 * Writes `bytes` to `temporary`, syncs it, renames it to `path` and syncs the directory. Both paths
 * must be on the same file system. If a step fails, the temporary file is removed on a best-effort
 * basis.
 */
export async function replaceFile(
  disk: Disk,
  path: string,
  temporary: string,
  bytes: Uint8Array,
  ownership: Ownership = {},
): Promise<void> {
  try {
    // One that a crash has left.
    await disk.remove(temporary);
    using file = await disk.open(temporary, "new");
    await file.writeAt(bytes, 0);
    await disk.own(temporary, ownership);
    await file.sync();
    file.close();
    await disk.rename(temporary, path);
  } catch (error) {
    await disk.remove(temporary).catch(() => {});
    throw error;
  }
  await disk.syncFolder(folderOf(path));
}

/**
 * Runs `make`, which renames a draft of its own to its place, and again if the draft was removed: no lock protects
 * it from a process that cleans. Rejects as the last run.
 */
export async function againIfRemoved<T>(make: () => Promise<T>): Promise<T> {
  for (let round = 1;; round++) {
    try {
      return await make();
    } catch (error) {
      if (round === ROUNDS || !isMissing(error)) throw error;
    }
  }
}

/** The parent directory of a path. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"), 0)) || "/";
}
