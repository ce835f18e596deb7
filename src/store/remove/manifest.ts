/** Taking a manifest out of its tree, with the folders that are empty then. */

import { PullamaError } from "../../core/errors.ts";
import { folderOf } from "../../io/atomic.ts";
import type { Disk } from "../../io/disk.ts";
import { fileError, isExisting, isMissing } from "../../io/file_error.ts";
import type { ManifestFile } from "../manifests/files.ts";
import { unfinishedFile } from "../layout/unfinished.ts";
import type { Paths } from "../layout/paths.ts";

/** Throws `local` where a folder above one of `files`, below its tree, is a link: what it leads to is not ours. */
export async function refuseLinks(paths: Paths, files: readonly ManifestFile[]): Promise<void> {
  for (const file of files) {
    for (const folder of foldersAbove(paths, file)) {
      try {
        if (!(await Deno.lstat(folder)).isSymlink) continue;
      } catch (error) {
        throw fileError(error, "read", folder);
      }
      throw new PullamaError("local", `its manifest ${file.path} lies behind the link ${folder}`, {
        hint: "remove it in the models folder that the link leads to, or remove the link",
      });
    }
  }
}

/**
 * Removes the manifest so that it does not come back after a power cut, then the folders above it as long as
 * they are empty; the tree itself stays. A link goes, not what it leads to. Returns the bytes that came free.
 */
export async function removeManifest(
  disk: Disk,
  paths: Paths,
  file: ManifestFile,
): Promise<number> {
  const bytes = (await unfinishedFile(file.path))?.bytes ?? 0;
  await disk.remove(file.path);
  await disk.syncFolder(folderOf(file.path));
  for (const folder of foldersAbove(paths, file)) {
    try {
      await disk.removeFolder(folder);
    } catch (error) {
      // Another model lies there, or a server that tidied up was faster.
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
