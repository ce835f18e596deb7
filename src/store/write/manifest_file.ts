/** The last step of a pull: the manifest gets its name. */

import { PullamaError } from "../../core/errors.ts";
import type { Manifest } from "../../core/manifest.ts";
import { fullName, type ModelName } from "../../core/name.ts";
import { folderOf } from "../../io/atomic.ts";
import { fileError, isMissing, isOtherFileSystem } from "../../io/file_error.ts";
import { isDirectory, lstatOf } from "../../io/stat.ts";
import { draftBeside, type Folder, temporaryPath } from "../layout/folder.ts";
import { makeFolderAtomically, ownershipIn } from "../layout/ownership.ts";
import { manifestFolders, manifestPath } from "../layout/paths.ts";

/** A starting server removes empty folders; then they are made again. */
const FOLDER_TRIES = 5;

/**
 * Rejects with kind local where the manifest of `name` could not be stored after the download: something else has its
 * name, or this user may not write there. Changes nothing.
 */
export async function requireManifestPlace(folder: Folder, name: ModelName): Promise<void> {
  const { disk, paths } = folder;
  const there: string[] = [];
  for (const place of manifestFolders(paths, name)) {
    if (!await isDirectory(place)) {
      if (!await lstatOf(place)) break;
      // A starting server may have removed it, and another pull made it again, between the two looks.
      if (!await isDirectory(place)) throw occupied(place, "is not a directory");
    }
    there.unshift(place);
  }
  const path = manifestPath(paths, name);
  if (there[0] === folderOf(path) && (await lstatOf(path))?.isDirectory) {
    throw occupied(path, "is a directory");
  }
  for (const place of there) {
    // A directory: a server that reads manifests meanwhile would complain about a file.
    const probe = `${place}/.pullm-${crypto.randomUUID()}`;
    try {
      await disk.makeFolder(probe);
      return await disk.removeFolder(probe);
    } catch (error) {
      // A starting server removes empty folders.
      if (isMissing(error)) continue;
      const { cause = error } = error as Error;
      throw fileError(cause, "store manifests in", place);
    }
  }
}

function occupied(path: string, what: string): PullamaError {
  return new PullamaError("local", `cannot store the manifest: ${path} ${what}`, {
    hint: "remove it, if it is not yours: Ollama cannot use it either",
  });
}

/** Stores `manifest` under `name`, durably. Rejects with kind local, without leaving anything. */
export async function storeManifest(
  folder: Folder,
  name: ModelName,
  manifest: Manifest,
): Promise<void> {
  const { paths } = folder;
  try {
    try {
      await store(folder, name, manifest, () => temporaryPath(folder));
    } catch (error) {
      if (!isOtherFileSystem(error)) throw error;
      // `manifests` is on another file system than our own folder.
      const beside = (path: string) =>
        draftBeside(path === paths.manifests ? path : `${paths.manifests}/.`);
      await store(folder, name, manifest, beside);
    }
  } catch (error) {
    if (!(error instanceof PullamaError)) throw error;
    throw new PullamaError(
      error.kind,
      `cannot store the manifest of ${fullName(name)}: ${error.message}`,
      { cause: error.cause, ...(error.hint === undefined ? {} : { hint: error.hint }) },
    );
  }
}

/** `draftFor` names a file or folder that will be renamed to a path. */
async function store(
  folder: Folder,
  name: ModelName,
  manifest: Manifest,
  draftFor: (path: string) => string,
): Promise<void> {
  const { disk, paths } = folder;
  const path = manifestPath(paths, name);
  const made: string[] = [];
  let draft: string | undefined;
  try {
    for (let tries = 1;; tries++) {
      try {
        await makeManifestFolders(folder, name, draftFor, made);
        if (draft === undefined) {
          draft = draftFor(path);
          using file = await disk.open(draft, "new");
          await file.writeAt(manifest.bytes, 0);
          await file.sync();
        }
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
    if (draft !== undefined) await disk.remove(draft).catch(() => {});
    // Empty folders that it cannot remove keep a server of another user from starting.
    for (const folder of made.reverse()) await disk.removeFolder(folder).catch(() => {});
    throw error;
  }
}

async function makeManifestFolders(
  folder: Folder,
  name: ModelName,
  draftFor: (path: string) => string,
  made: string[],
): Promise<void> {
  for (const path of manifestFolders(folder.paths, name)) {
    const { folder: ownership } = await ownershipIn(folderOf(path));
    if (await makeFolderAtomically(folder.disk, path, draftFor(path), ownership)) made.push(path);
  }
}
