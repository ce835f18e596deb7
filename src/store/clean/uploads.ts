/** What pushes have left: notes of uploads, each of which the process that uses it holds a lock for. */

import { isMissing } from "../../io/file_error.ts";
import { holderOf, tryLock, tryLockExisting } from "../../io/lock.ts";
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
    try {
      // Where the lock is missing the note is left over: a push makes its lock first.
      using guard = files.some((file) => file.path === path)
        ? await (work.dryRun ? tryLockExisting : tryLock)(path)
        : { [Symbol.dispose]() {} };
      if (guard) await remove(work, "records", files);
      else leave(work, "records", files, {}, "busy", await holderOf(path));
    } catch (error) {
      // The push that it belonged to has removed it.
      if (!isMissing(error)) throw error;
    }
  }
}
