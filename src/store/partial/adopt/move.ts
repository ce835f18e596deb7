/** Renaming what is taken over to the partial file. */

import { folderOf, replaceFile } from "../../../io/atomic.ts";
import type { Disk } from "../../../io/disk.ts";
import { isMissing } from "../../../io/file_error.ts";
import { type FileIdentity, renameFile } from "../../layout/identity.ts";
import type { Adoption, AdoptTools } from "./adopter.ts";

/**
 * Makes `file`, which was seen at `path`, the partial file with this checkpoint; both are durable then. False: it is not
 * there any longer. Rejects where it cannot be renamed, as on another file system.
 */
export async function moveToPartial(
  { disk, ownership, temporary }: AdoptTools,
  { at }: Adoption,
  path: string,
  file: FileIdentity,
  checkpoint: Uint8Array,
): Promise<boolean> {
  if (!await unlessMissing(() => sync(disk, path))) return false;
  // A checkpoint without its file claims nothing.
  await replaceFile(disk, at.checkpoint, temporary(), checkpoint, ownership);
  if (!await unlessMissing(() => renameFile(disk, file, path, at.partial))) return false;
  await disk.own(at.partial, ownership);
  await disk.syncFolder(folderOf(at.partial));
  return true;
}

async function sync(disk: Disk, path: string): Promise<boolean> {
  using file = await disk.open(path, "existing");
  await file.sync();
  return true;
}

/** False where the file was removed meanwhile. */
async function unlessMissing(act: () => Promise<boolean>): Promise<boolean> {
  try {
    return await act();
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
