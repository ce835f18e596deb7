/** Giving drafts their names, without replacing what has such a name. */

import type { Disk } from "../disk.ts";
import { isExisting, isLinkUnsupported } from "../file_error.ts";
import { exists, isOneFile } from "../stat.ts";

/** A draft, and the name it gets. */
export interface Named {
  readonly draft: string;
  readonly name: string;
}

/**
 * Gives all drafts their names. Returns the first name that something else has, which was made meanwhile: then all are
 * drafts again. Rejects with kind local.
 */
export async function nameNew(disk: Disk, files: readonly Named[]): Promise<string | undefined> {
  for (const [i, { draft, name }] of files.entries()) {
    if (await renameToNew(disk, draft, name)) continue;
    for (const done of files.slice(0, i)) await disk.rename(done.name, done.draft);
    return name;
  }
  return undefined;
}

/** Removes the name of a file that is a draft as well: a kill between the two steps of `nameNew` leaves both. */
export async function dropSecondName(disk: Disk, { draft, name }: Named): Promise<void> {
  if (await isOneFile(draft, name)) await disk.remove(name);
}

/** False: there is something of this name. A look alone would replace what is made just after it. */
async function renameToNew(disk: Disk, from: string, to: string): Promise<boolean> {
  try {
    await disk.link(from, to);
  } catch (error) {
    if (isExisting(error)) return false;
    if (!isLinkUnsupported(error)) throw error;
    if (await exists(to)) return false;
    await disk.rename(from, to);
    return true;
  }
  await disk.remove(from);
  return true;
}
