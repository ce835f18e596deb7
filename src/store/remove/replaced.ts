/** Removing what only replaced manifests used. */

import { isOneFile, namesIn } from "../../io/stat.ts";
import { tryExclusive } from "../layout/exclusive.ts";
import type { Folder } from "../layout/folder.ts";
import { neededBlobs } from "../layout/intents.ts";
import { blobFile } from "../layout/paths.ts";
import { readReplaced } from "../layout/replaced.ts";
import { Ledger } from "../layout/verified.ts";
import { foreignInUse } from "../partial/adopt/foreign.ts";
import { removeBlob, usedBlobs } from "./blob.ts";

/** What two pulls have left in ready/, each for the other one: names of blobs that are in blobs/ as well. */
async function dropSecondNames(
  { disk, paths }: Folder,
  names: readonly string[],
): Promise<void> {
  const needed = new Set([...await neededBlobs(paths)].map(blobFile));
  for (const name of names) {
    const ready = `${paths.ready}/${name}`;
    if (needed.has(name) || !await isOneFile(ready, `${paths.blobs}/${name}`)) continue;
    await disk.remove(ready);
  }
}

/**
 * Removes the blobs in the notes that no manifest uses and no unfinished pull needs. Returns the bytes that were freed;
 * 0 also while another process has the store lock: it does the same when it ends. Rejects with the kinds of
 * `manifestReferences`, and then removes nothing.
 */
export async function dropReplaced(folder: Folder): Promise<number> {
  const { disk, paths } = folder;
  const waiting = await namesIn(paths.ready);
  if (waiting.length + (await readReplaced(paths)).length === 0) return 0;
  using exclusive = await tryExclusive(folder, false);
  if (!exclusive.held) return 0;
  await dropSecondNames(folder, waiting);
  // A model of which ollama pull is storing the rest has no manifest yet: the next pull looks again.
  if (await foreignInUse(paths.blobs) !== undefined) return 0;
  const needed = await usedBlobs(paths);
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
