/** Removing what only replaced manifests used. */

import { tryExclusive } from "../layout/exclusive.ts";
import type { Folder } from "../layout/folder.ts";
import { neededBlobs } from "../layout/intents.ts";
import { readReplaced } from "../layout/replaced.ts";
import { Ledger } from "../layout/verified.ts";
import { foreignInUse } from "../partial/adopt/foreign.ts";
import { manifestReferences } from "../manifests/references.ts";
import { removeBlob, union } from "./blob.ts";

/**
 * Removes the blobs in the notes that no manifest uses and no unfinished pull needs. Returns the bytes that were freed;
 * 0 also while another process has the store lock: it does the same when it ends. Rejects with the kinds of
 * `manifestReferences`, and then removes nothing.
 */
export async function dropReplaced(folder: Folder): Promise<number> {
  const { disk, paths } = folder;
  if ((await readReplaced(paths)).length === 0) return 0;
  using exclusive = await tryExclusive(folder, false);
  if (!exclusive.held) return 0;
  // A model of which ollama pull is storing the rest has no manifest yet: the next pull looks again.
  if (await foreignInUse(paths.blobs) !== undefined) return 0;
  const needed = union([...await manifestReferences(paths), { digests: await neededBlobs(paths) }]);
  const ledger = await Ledger.open(folder, exclusive.ownership);
  let bytes = 0;
  for (const note of await readReplaced(paths)) {
    for (const digest of note.digests.difference(needed)) {
      bytes += await removeBlob(folder, digest, ledger) ?? 0;
    }
    await disk.remove(note.path);
  }
  await disk.removeFolder(paths.replaced).catch(() => {});
  await ledger.save();
  return bytes;
}
