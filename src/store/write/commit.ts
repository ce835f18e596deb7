/**
 * Making a model visible. The order keeps every blob under a name at every moment: a server that starts
 * in between and tidies up, or somebody who removes another model, finds nothing of ours that it could
 * take away for good.
 */

import { PullamaError } from "../../core/errors.ts";
import { type Descriptor, distinctBlobs, type Manifest } from "../../core/manifest.ts";
import { fullName, type ModelName } from "../../core/name.ts";
import { folderOf } from "../../io/atomic.ts";
import type { Disk } from "../../io/disk.ts";
import { isMissing } from "../../io/file_error.ts";
import { makeFolderAtomically, ownershipIn } from "../layout/ownership.ts";
import { blobPaths, manifestFolders, manifestPath, type Paths } from "../layout/paths.ts";
import {
  type CommitTools,
  type HeldBlob,
  holdBlob,
  inBatches,
  publishBlob,
  publishRemoved,
} from "./publish.ts";

/** The server may remove a fresh, still empty folder; it does so only when it starts. */
const FOLDER_TRIES = 5;

/**
 * Puts `manifest` and all its blobs in place. Returns the blobs that have neither name any more and must
 * be fetched again; then the manifest may be in place already, and commit has to be called once more.
 */
export async function commitModel(
  tools: CommitTools,
  name: ModelName,
  manifest: Manifest,
): Promise<readonly Descriptor[]> {
  const { disk, paths, ledger } = tools;
  const blobs = distinctBlobs(manifest);
  const held: HeldBlob[] = [];
  const vanished: Descriptor[] = [];
  await inBatches(blobs, async (blob) => {
    const found = await holdBlob(tools, blob);
    if (found) held.push(found);
    else vanished.push(blob);
  });
  if (vanished.length > 0) return vanished;
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
  { disk, paths, temporary }: CommitTools,
  name: ModelName,
  manifest: Manifest,
): Promise<void> {
  const path = manifestPath(paths, name);
  const made: string[] = [];
  const draft = temporary();
  try {
    {
      using file = await disk.open(draft, "new");
      await file.writeAt(manifest.bytes, 0);
      await file.sync();
    }
    for (let tries = 1;; tries++) {
      try {
        await makeManifestFolders(disk, paths, name, temporary, made);
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
    // An empty folder keeps a server of another user from starting.
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
  disk: Disk,
  paths: Paths,
  name: ModelName,
  temporary: () => string,
  made: string[],
): Promise<void> {
  for (const folder of manifestFolders(paths, name)) {
    const { folder: ownership } = await ownershipIn(folderOf(folder));
    if (await makeFolderAtomically(disk, folder, temporary(), ownership)) made.push(folder);
  }
}
