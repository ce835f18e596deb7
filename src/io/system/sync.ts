/** Brings written data to the disk itself, where that is possible. */

import { fileError, isUnsupported } from "../file_error.ts";

/**
 * Resolves when what was written to `file` would survive a power cut. The runtime asks Linux for `fdatasync`, Windows for
 * `FlushFileBuffers`, and macOS for `F_FULLFSYNC`, since its `fsync` ends in the cache of the drive. Network drives may
 * have none of it: that is told to `onLack`, and the data is as safe as that server keeps it.
 */
export async function syncData(
  file: Pick<Deno.FsFile, "syncData">,
  path: string,
  onLack: (error: unknown) => void,
): Promise<void> {
  try {
    await file.syncData();
  } catch (error) {
    if (!isUnsupported(error)) throw fileError(error, "sync", path);
    onLack(error);
  }
}
