/** Taking away what a removed model has left unfinished: a pull of another version of it, say. */

import type { Digest } from "../../core/digest.ts";
import type { Disk } from "../../io/disk.ts";
import { claimBlob, unfinishedFile, unfinishedIn } from "../layout/unfinished.ts";
import { ownershipIn } from "../layout/ownership.ts";
import { blobPaths, type Paths } from "../layout/paths.ts";
import type { StoredIntent } from "../layout/intents.ts";

/**
 * Removes everything unfinished of the blobs `digests`, and the notes. The store lock is held by the caller alone;
 * what another program is at work on all the same stays. Returns the bytes that came free.
 */
export async function removeUnfinished(
  disk: Disk,
  paths: Paths,
  digests: ReadonlySet<Digest>,
  notes: readonly StoredIntent[],
): Promise<number> {
  const { file: ownership } = await ownershipIn(paths.own);
  let bytes = 0;
  for (const blob of (await unfinishedIn(paths)).blobs) {
    if (!digests.has(blob.digest)) continue;
    using claim = await claimBlob(paths, blob.digest, ownership);
    if (!claim) continue;
    const { lock } = blobPaths(paths, blob.digest);
    for (const { path } of [...blob.own, ...blob.waiting, ...blob.locks]) {
      // Looked at again: the last name of a file frees its bytes.
      bytes += (await unfinishedFile(path))?.bytes ?? 0;
      await disk.remove(path);
    }
    await disk.remove(lock);
  }
  for (const note of notes) {
    for (const path of [note.path, note.lock]) await disk.remove(path);
  }
  return bytes;
}
