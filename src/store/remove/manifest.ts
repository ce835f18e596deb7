/** Removing a manifest from its tree, with the folders that are empty then. */

import { PullamaError } from "../../core/errors.ts";
import { folderOf } from "../../io/atomic.ts";
import { fileError, isExisting, isMissing } from "../../io/file_error.ts";
import type { ManifestFile } from "../manifests/files.ts";
import { unfinishedFile } from "../layout/unfinished.ts";
import type { Folder } from "../layout/folder.ts";
import type { Paths } from "../layout/paths.ts";

/** Throws `local` where a folder between one of `files` and its tree is a link: its target is not ours. */
export async function refuseLinks(paths: Paths, files: readonly ManifestFile[]): Promise<void> {
  for (const file of files) {
    for (const folder of foldersAbove(paths, file)) {
      try {
        if (!(await Deno.lstat(folder)).isSymlink) continue;
      } catch (error) {
        throw fileError(error, "read", folder);
      }
      throw new PullamaError("local", `its manifest ${file.path} is behind the link ${folder}`, {
        hint: "remove it in the models folder that the link points to, or remove the link",
      });
    }
  }
}

/**
 * Removes the manifest durably, then the folders above it that are empty, but not the tree itself. Of a link only the
 * link is removed. Returns the bytes that were freed.
 */
export async function removeManifest(
  { disk, paths }: Folder,
  file: ManifestFile,
): Promise<number> {
  const bytes = (await unfinishedFile(file.path))?.bytes ?? 0;
  await disk.remove(file.path);
  await disk.syncFolder(folderOf(file.path));
  for (const folder of foldersAbove(paths, file)) {
    try {
      await disk.removeFolder(folder);
    } catch (error) {
      // Another model is in it; or a server removed it first.
      if (isExisting(error)) break;
      if (!isMissing(error)) throw error;
    }
  }
  return bytes;
}

/** The folders of model, namespace and host. */
function foldersAbove({ root }: Paths, { path, tree }: ManifestFile): string[] {
  const folders: string[] = [];
  for (let at = folderOf(path); at !== `${root}/${tree}`; at = folderOf(at)) folders.push(at);
  return folders;
}
