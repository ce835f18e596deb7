/** A models folder as the functions of this room work on it. */

import { folderOf } from "../../io/atomic.ts";
import { type Disk, type Ownership, realDisk } from "../../io/disk.ts";
import { makeFolder, ownershipIn } from "./ownership.ts";
import type { Paths } from "./paths.ts";
import { requireOwnFolders } from "./trust.ts";

export interface Folder {
  readonly paths: Paths;
  /** Every step that changes it. */
  readonly disk: Disk;
}

/** The models folder at `paths`, which need not exist. Nothing is read or made. */
export function folderAt(paths: Paths, disk: Disk = realDisk): Folder {
  return { paths, disk };
}

/** A new name in the folder of files that are about to be renamed. */
export function temporaryPath({ paths }: Folder, prefix = ""): string {
  return `${paths.temporary}/${prefix}${crypto.randomUUID()}`;
}

/** A new name in the folder of `path`, for what is about to be renamed to it. */
export function draftBeside(path: string): string {
  return `${folderOf(path)}/.pullm-${crypto.randomUUID()}`;
}

/** Makes `path`, one of our own folders, in an existing folder, and returns the ownership of new files in it. */
export async function makeOwnFolder({ disk, paths }: Folder, path: string): Promise<Ownership> {
  await requireOwnFolders(paths);
  await makeFolder(disk, path, (await ownershipIn(folderOf(path))).folder);
  return (await ownershipIn(path)).file;
}
