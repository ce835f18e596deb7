/** Which file it is, whatever its name, and renames that take no other. */

import type { Disk } from "../../io/disk.ts";
import { isExisting, isLinkUnsupported } from "../../io/file_error.ts";
import { lstatOf } from "../../io/stat.ts";

/** Identifies a file independently of its name. */
export interface FileIdentity {
  readonly ino: number | null;
  readonly dev: number;
}

/** Whether both are the same file; false where the system does not tell. */
export function isSame(one: FileIdentity, other: FileIdentity): boolean {
  return one.ino !== null && one.ino === other.ino && one.dev === other.dev;
}

/**
 * Renames `file`, which was seen at `from`, to `to`. Another one that was put there meanwhile gets its name back, and
 * the result is false. Rejects like `Disk.rename`.
 */
export async function renameFile(
  disk: Disk,
  file: FileIdentity,
  from: string,
  to: string,
): Promise<boolean> {
  await disk.rename(from, to);
  const moved = await lstatOf(to);
  // Where files are not told apart, it is taken as the one that was seen.
  if (!moved || file.ino === null || isSame(moved, file)) return true;
  try {
    await disk.link(to, from);
  } catch (error) {
    if (isLinkUnsupported(error)) {
      await disk.rename(to, from);
      return false;
    }
    if (!isExisting(error)) throw error;
  }
  await disk.remove(to);
  return false;
}
