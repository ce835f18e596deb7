/**
 * New files and folders get owner, group and mode of the folder they are in: a service that runs as its own user
 * must be able to read, extend and remove what an administrator pulled. The umask of the process is ignored.
 */

import { againIfRemoved, folderOf } from "../../io/atomic.ts";
import type { Disk, Ownership } from "../../io/disk.ts";
import { fileError } from "../../io/file_error.ts";
import { isDirectory } from "../../io/stat.ts";
import { requireNoDeadLink } from "./directory.ts";

const DEFAULT_MODE = 0o755;

/** Owner, group and mode of new entries of a folder. */
export interface EntryOwnership {
  readonly folder: Ownership;
  readonly file: Ownership;
}

/** Those of new entries of `folder`: its own, without the executable bits for files. */
export async function ownershipIn(folder: string): Promise<EntryOwnership> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(folder);
  } catch (error) {
    throw fileError(error, "read", folder);
  }
  if (info.mode === null) return { folder: {}, file: {} };
  const owner = givenBy(info);
  const mode = info.mode & 0o7777;
  return { folder: { mode, ...owner }, file: { mode: mode & 0o666, ...owner } };
}

/** Owner and group of what is in a folder; only root can give files away. */
function givenBy({ uid, gid }: Deno.FileInfo): { uid?: number; gid?: number } {
  if (Deno.build.os === "windows" || Deno.uid() !== 0) return {};
  return { ...(uid === null ? {} : { uid }), ...(gid === null ? {} : { gid }) };
}

/**
 * Makes the models folder itself, with the parents it lacks: with mode 0755, owned as the nearest parent
 * that exists. The mode of a parent is not used here: below /tmp that would be writable for everyone.
 */
export async function makeRoot(disk: Disk, path: string): Promise<void> {
  if (await isDirectory(path)) return;
  await requireNoDeadLink(path);
  const parent = path.replace(/[\\/]+[^\\/]+$/, "");
  if (parent !== path && parent !== "") await makeRoot(disk, parent);
  const above = parent === "" ? "/" : parent === path ? "." : parent;
  const { folder } = await ownershipIn(above);
  const made = await makeNew(disk, `${path}.pullm-${crypto.randomUUID()}`, path, {
    ...folder,
    mode: DEFAULT_MODE,
  });
  try {
    await disk.syncFolder(above);
  } catch (error) {
    if (made) await disk.removeFolder(path).catch(() => {});
    throw fileError((error as Error).cause ?? error, "create", path);
  }
}

/**
 * Makes `path` in its existing parent if it does not exist, so that it survives a power cut, and appears with its
 * owner and mode: another process may be giving the same to what it makes in there. A process that cleans may remove
 * the draft, for which no lock is held yet: it is then made again.
 */
export async function makeFolder(disk: Disk, path: string, ownership: Ownership): Promise<void> {
  if (await isDirectory(path)) return;
  await requireNoDeadLink(path);
  const parent = folderOf(path);
  await againIfRemoved(() =>
    makeNew(disk, `${parent}/.pullm-${crypto.randomUUID()}`, path, ownership)
  );
  await disk.syncFolder(parent);
}

/**
 * The same without the sync, made at `temporary`. Returns whether it was made. Rejects with a missing-file
 * cause if the parent was removed.
 */
export async function makeFolderAtomically(
  disk: Disk,
  path: string,
  temporary: string,
  ownership: Ownership,
): Promise<boolean> {
  if (await isDirectory(path)) return false;
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
    await disk.rename(at, path);
    return true;
  } catch (error) {
    await disk.removeFolder(at).catch(() => {});
    // Another process was faster; Windows then says "access denied".
    if (await isDirectory(path)) return false;
    const { cause = error } = error as Error;
    throw fileError(cause, "create", path);
  }
}
