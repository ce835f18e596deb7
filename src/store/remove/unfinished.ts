/** Removing what a removed model left unfinished, such as a partial download of another version. */

import type { Digest } from "../../core/digest.ts";
import type { Folder } from "../layout/folder.ts";
import type { StoredIntent } from "../layout/intents.ts";
import { ownershipIn } from "../layout/ownership.ts";
import { blobPaths } from "../layout/paths.ts";
import { claimBlob, unfinishedFile, unfinishedIn } from "../layout/unfinished.ts";

/**
 * Removes everything unfinished of the blobs `digests`, and the intents. The caller holds the store lock exclusively;
 * blobs that another program has locked are kept all the same. Returns the bytes that were freed.
 */
export async function removeUnfinished(
  { disk, paths }: Folder,
  digests: ReadonlySet<Digest>,
  intents: readonly StoredIntent[],
): Promise<number> {
  const { file: ownership } = await ownershipIn(paths.own);
  let bytes = 0;
  for (const blob of (await unfinishedIn(paths)).blobs) {
    if (!digests.has(blob.digest)) continue;
    using claim = await claimBlob(paths, blob.digest, ownership);
    if (!claim) continue;
    const { lock } = blobPaths(paths, blob.digest);
    for (const { path } of [...blob.own, ...blob.waiting, ...blob.locks]) {
      // Read again: removing the last hard link of a file frees its bytes.
      bytes += (await unfinishedFile(path))?.bytes ?? 0;
      await disk.remove(path);
    }
    await disk.remove(lock);
  }
  for (const intent of intents) {
    for (const path of [intent.path, intent.lock]) await disk.remove(path);
  }
  return bytes;
}
