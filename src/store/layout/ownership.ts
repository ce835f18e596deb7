/**
 * New files and folders look like the folder they are put in: a service that runs under its own user
 * must be able to read, extend and remove what an administrator pulled. The process umask plays no part.
 */

import { PullamaError } from "../../core/errors.ts";
import { folderOf } from "../../io/atomic.ts";
import { fileError, isExisting } from "../../io/file_error.ts";
import { statOf } from "../../io/stat.ts";
import type { Disk, Ownership } from "../../io/disk.ts";

const PLAIN_FOLDER = 0o755;

/** What a new entry of an existing folder is given. */
export interface EntryOwnership {
  readonly folder: Ownership;
  readonly file: Ownership;
}

/** How new entries of `folder` should look: its owner, group and mode, files without the x bits. */
export async function ownershipIn(folder: string): Promise<EntryOwnership> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(folder);
  } catch (error) {
    throw fileError(error, "read", folder);
  }
  if (info.mode === null) return { folder: {}, file: {} };
  const owner = foreignOwner(info);
  const mode = info.mode & 0o7777;
  return { folder: { mode, ...owner }, file: { mode: mode & 0o666, ...owner } };
}

/** Owner and group where they are not ours anyway; only an administrator can give files away. */
function foreignOwner(info: Deno.FileInfo): { uid?: number; gid?: number } {
  if (Deno.build.os === "windows" || Deno.uid() !== 0) return {};
  return {
    ...(info.uid === null || info.uid === 0 ? {} : { uid: info.uid }),
    ...(info.gid === null || info.gid === Deno.gid() ? {} : { gid: info.gid }),
  };
}

/** Rejects with kind local where there is no folder at `root`, but something else; nothing is fine. */
export async function requireDirectory(root: string): Promise<void> {
  const found = await statOf(root);
  if (!found || found.isDirectory) return;
  throw new PullamaError("local", `${root} is in the way: it is no folder`, {
    hint: "move it away, or choose another folder with --models-dir",
  });
}

/**
 * Makes the models folder itself, with the parents it lacks: plain folders, owned as the nearest one
 * that exists. A parent's mode is not taken over here: below /tmp that would be writable for everybody.
 */
export async function makeRoot(disk: Disk, path: string): Promise<void> {
  if (await isFolder(path)) return;
  const parent = path.replace(/[\\/]+[^\\/]+$/, "");
  if (parent !== path && parent !== "") await makeRoot(disk, parent);
  const above = parent === "" ? "/" : parent === path ? "." : parent;
  const { folder } = await ownershipIn(above);
  await makeNew(disk, path, path, { ...folder, mode: PLAIN_FOLDER });
  await disk.syncFolder(above);
}

/** Makes `path` in its existing parent if it is not there, so that it survives a power cut. */
export async function makeFolder(disk: Disk, path: string, ownership: Ownership): Promise<void> {
  if (await isFolder(path)) return;
  await makeNew(disk, path, path, ownership);
  await disk.syncFolder(folderOf(path));
}

/**
 * The same for a folder that others look into while it is made: it gets its owner and mode at
 * `temporary` and is renamed to where it belongs. Answers whether it was made. Rejects with a missing-file
 * cause if the parent went.
 */
export async function makeFolderAtomically(
  disk: Disk,
  path: string,
  temporary: string,
  ownership: Ownership,
): Promise<boolean> {
  if (await isFolder(path)) return false;
  return await makeNew(disk, temporary, path, ownership);
}

async function makeNew(
  disk: Disk,
  at: string,
  path: string,
  ownership: Ownership,
): Promise<boolean> {
  try {
    await disk.makeFolder(at);
    await disk.own(at, ownership);
    if (at !== path) await disk.rename(at, path);
    return true;
  } catch (error) {
    if (at !== path) await disk.removeFolder(at).catch(() => {});
    // Somebody else was faster.
    if (isExisting(error) && await isFolder(path)) return false;
    throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await statOf(path))?.isDirectory ?? false;
}
