/** Tries in a folder what a pull does in it: for those who ask before. */

import { type Disk, openDisk } from "../../io/disk.ts";
import { fileError, isLinkUnsupported, isOtherFileSystem } from "../../io/file_error.ts";
import { tryLock } from "../../io/lock.ts";
import { isDirectory } from "../../io/stat.ts";
import { draftBeside } from "./folder.ts";
import { ownershipIn } from "./ownership.ts";

/**
 * Makes, owns, writes, syncs, links, locks, renames and removes files in a folder of its own below each of `folders`, as
 * far as they exist, and links from the first to the second. Returns what the file systems lack, in sentences. Rejects
 * with kind local or `disk_full` where a pull could not work. Leaves nothing.
 */
export async function limitationsOf(folders: readonly string[]): Promise<readonly string[]> {
  const limitations: string[] = [];
  const disk = openDisk((message) => limitations.push(message));
  const probes: string[] = [];
  try {
    for (const folder of folders) {
      if (!await isDirectory(folder)) continue;
      try {
        probes.push(await probe(disk, folder));
      } catch (error) {
        throw fileError((error as Error).cause ?? error, "write to", folder);
      }
    }
    const [from, to] = probes;
    if (from && to) await linkBetween(disk, from, to);
    return limitations;
  } finally {
    for (const path of probes) await empty(disk, path);
  }
}

const FILE = "file";

/** Returns the folder that was made; nothing is left of one that could not be. */
async function probe(disk: Disk, folder: string): Promise<string> {
  const ownership = await ownershipIn(folder);
  const path = draftBeside(`${folder}/.`);
  await disk.makeFolder(path);
  try {
    await disk.own(path, ownership.folder);
    const [draft, name] = [`${path}/draft`, `${path}/${FILE}`];
    {
      using file = await disk.open(draft, "new");
      await file.writeAt(new Uint8Array(1), 0);
      await disk.own(draft, ownership.file);
      await file.sync();
    }
    await disk.rename(draft, name);
    try {
      await disk.link(name, `${path}/link`);
    } catch (error) {
      if (!isLinkUnsupported(error)) throw error;
      disk.lacks("no hard links here: finished blobs are renamed");
    }
    using lock = await tryLock(`${path}/lock`, { ownership: ownership.file });
    if (lock?.isSubstitute) disk.lacks("files cannot be locked here: lock files are used");
    await disk.syncFolder(path);
    return path;
  } catch (error) {
    await empty(disk, path);
    throw error;
  }
}

async function linkBetween(disk: Disk, from: string, to: string): Promise<void> {
  try {
    await disk.link(`${from}/${FILE}`, `${to}/other`);
  } catch (error) {
    if (!isLinkUnsupported(error)) throw error;
    if (isOtherFileSystem(error)) {
      disk.lacks("finished blobs are copied to blobs: it is a mount of its own");
    }
  }
}

async function empty(disk: Disk, path: string): Promise<void> {
  for (const name of [FILE, "draft", "link", "lock", "other"]) {
    await disk.remove(`${path}/${name}`).catch(() => {});
  }
  await disk.removeFolder(path).catch(() => {});
}
