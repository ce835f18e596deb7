/** What pushes have left: notes of uploads, each of which the process that uses it holds a lock for. */

import { holderOf, tryLock } from "../../io/lock.ts";
import { isLocked } from "../../io/lock_peek.ts";
import type { UnfinishedFile } from "../layout/unfinished.ts";
import { type CleanWork, leave, remove } from "./steps.ts";

/** Removes `uploads`, except those that are under way. */
export async function cleanUploads(
  work: CleanWork,
  uploads: readonly UnfinishedFile[],
): Promise<void> {
  const byId = Map.groupBy(uploads, ({ path }) => path.replace(/\.[^/\\]*$/, ""));
  for (const [id, files] of byId) {
    if (files.some(({ modifiedMs }) => modifiedMs > work.before)) continue;
    const path = `${id}.lock`;
    // Where the lock is missing the note is left over: a push makes its lock first.
    const isLockable = !work.dryRun && files.some((file) => file.path === path);
    using guard = isLockable ? await tryLock(path) : undefined;
    const isBusy = isLockable ? guard === undefined : await isLocked(path);
    if (isBusy) {
      leave(work, "records", files, {}, "busy", await holderOf(path));
    } else await remove(work, "records", files);
  }
}
