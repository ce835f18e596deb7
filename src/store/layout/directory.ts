/** What must not stand in the place of a directory. */

import { PullamaError } from "../../core/errors.ts";
import { lstatOf, statOf } from "../../io/stat.ts";

/** Rejects with kind local where `root` exists and is not a directory, or is a link to nothing. */
export async function requireDirectory(root: string): Promise<void> {
  const found = await statOf(root);
  if (!found) return await requireNoDeadLink(root);
  if (found.isDirectory) return;
  throw new PullamaError("local", `${root} exists and is not a directory`, {
    hint: "move it away, or choose another folder with --models-dir",
  });
}

/** Rejects with kind local: a disk that is not mounted must not look like a folder without models. */
export async function requireNoDeadLink(path: string): Promise<void> {
  if (!(await lstatOf(path))?.isSymlink) return;
  const target = await Deno.readLink(path);
  throw new PullamaError("local", `${path} is a link to ${target}, which does not exist`, {
    hint: "mount the disk it leads to, or choose another folder with --models-dir",
  });
}
