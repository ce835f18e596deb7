/**
 * Making a model visible. In this order every blob has a name in ready/ or is used by a manifest at every moment: a
 * server that starts in between and prunes, or the removal of another model, cannot delete it for good.
 */

import { PullamaError } from "../../core/errors.ts";
import { type Descriptor, distinctBlobs, type Manifest } from "../../core/manifest.ts";
import { fullName, type ModelName } from "../../core/name.ts";
import { folderOf } from "../../io/atomic.ts";
import { inBatches } from "../../io/concurrency.ts";
import { isMissing } from "../../io/file_error.ts";
import { type Folder, temporaryPath } from "../layout/folder.ts";
import { makeFolderAtomically, ownershipIn } from "../layout/ownership.ts";
import { blobPaths, manifestFolders, manifestPath } from "../layout/paths.ts";
import {
  type CommitTools,
  type HeldBlob,
  holdBlob,
  publishBlob,
  publishRemoved,
} from "./publish.ts";

/** A starting server removes empty folders; then they are made again. */
const FOLDER_TRIES = 5;

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
  await writeManifest(tools, name, manifest);
  const gone = await publishRemoved(tools, held);
  if (gone.length > 0) return gone;
  await inBatches(held, ({ blob }) => disk.remove(blobPaths(paths, blob.digest).ready));
  return [];
}

async function writeManifest(
  { folder }: CommitTools,
  name: ModelName,
  manifest: Manifest,
): Promise<void> {
  const { disk, paths } = folder;
  const path = manifestPath(paths, name);
  const made: string[] = [];
  const draft = temporaryPath(folder);
  try {
    {
      using file = await disk.open(draft, "new");
      await file.writeAt(manifest.bytes, 0);
      await file.sync();
    }
    for (let tries = 1;; tries++) {
      try {
        await makeManifestFolders(folder, name, made);
        await disk.own(draft, (await ownershipIn(folderOf(path))).file);
        await disk.rename(draft, path);
        break;
      } catch (error) {
        if (!isMissing(error) || tries === FOLDER_TRIES) throw error;
      }
    }
    for (const folder of new Set([...made.map(folderOf), folderOf(path)])) {
      await disk.syncFolder(folder);
    }
  } catch (error) {
    await disk.remove(draft).catch(() => {});
    // Empty folders that it cannot remove keep a server of another user from starting.
    for (const folder of made.reverse()) await disk.removeFolder(folder).catch(() => {});
    if (!(error instanceof PullamaError)) throw error;
    throw new PullamaError(
      error.kind,
      `cannot store the manifest of ${fullName(name)}: ${error.message}`,
      { cause: error.cause, ...(error.hint === undefined ? {} : { hint: error.hint }) },
    );
  }
}

async function makeManifestFolders(
  folder: Folder,
  name: ModelName,
  made: string[],
): Promise<void> {
  for (const path of manifestFolders(folder.paths, name)) {
    const { folder: ownership } = await ownershipIn(folderOf(path));
    const draft = temporaryPath(folder);
    if (await makeFolderAtomically(folder.disk, path, draft, ownership)) made.push(path);
  }
}
