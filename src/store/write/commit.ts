/**
 * Making a model visible. In this order every blob has a name in ready/ or is used by a manifest at every moment: a
 * server that starts in between and prunes, or the removal of another model, cannot delete it for good.
 */

import { type Descriptor, distinctBlobs, type Manifest } from "../../core/manifest.ts";
import type { ModelName } from "../../core/name.ts";
import { inBatches } from "../../io/concurrency.ts";
import { isOneFile } from "../../io/stat.ts";
import { neededBlobs } from "../layout/intents.ts";
import { blobPaths } from "../layout/paths.ts";
import { storeManifest } from "./manifest_file.ts";
import {
  type CommitTools,
  type HeldBlob,
  holdBlob,
  publishBlob,
  publishRemoved,
} from "./publish.ts";

/**
 * Puts `manifest` and all its blobs in place. Returns the blobs that another program removed and that must be
 * downloaded again; then the manifest may be in place already, and commit has to be called once more.
 */
export async function commitModel(
  tools: CommitTools,
  name: ModelName,
  manifest: Manifest,
): Promise<readonly Descriptor[]> {
  const { folder: { disk, paths }, ledger } = tools;
  const blobs = distinctBlobs(manifest);
  const held: HeldBlob[] = [];
  const removed: Descriptor[] = [];
  await inBatches(blobs, async (blob) => {
    const found = await holdBlob(tools, blob);
    if (found) held.push(found);
    else removed.push(blob);
  });
  if (removed.length > 0) return removed;
  await disk.syncFolder(paths.ready);
  await inBatches(held, (blob) => publishBlob(tools, blob));
  await ledger.save();
  await disk.syncFolder(paths.blobs);
  await storeManifest(tools.folder, name, manifest);
  const gone = await publishRemoved(tools, held);
  if (gone.length > 0) return gone;
  // Other pulls, also interrupted ones, count on theirs until they have stored their models. A copy is not kept for them.
  const needed = await neededBlobs(paths, name);
  await inBatches(held, async ({ blob: { digest } }) => {
    const { ready, final } = blobPaths(paths, digest);
    if (!needed.has(digest) || !await isOneFile(ready, final)) await disk.remove(ready);
  });
  return [];
}
