/** Replacing a small file so that a crash leaves either the old bytes or the new ones. */

import type { Disk, Ownership } from "./disk.ts";

/**
 * Writes `bytes` to `temporary`, syncs, renames it to `path` and syncs the folder. Both paths lie on one
 * file system. The temporary file is gone afterwards also when a step failed, as far as that is possible.
 */
export async function replaceFile(
  disk: Disk,
  path: string,
  temporary: string,
  bytes: Uint8Array,
  ownership: Ownership = {},
): Promise<void> {
  try {
    using file = await disk.open(temporary, "any");
    await file.truncate(0);
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

/** The folder that a path lies in. */
export function folderOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"), 0)) || "/";
}
