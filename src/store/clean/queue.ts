/** Removing the list of models that wait to be pulled. */

import { holderOf, tryGuard, tryLock, waitLock } from "../../io/lock.ts";
import { statOf } from "../../io/stat.ts";
import { type CleanWork, leave, remove } from "./steps.ts";
import { leftFile } from "../layout/unfinished.ts";

/**
 * Removes the queue, unless somebody is pulling what is in it. Waits for whoever is changing it; rejects with the
 * reason of the signal.
 */
export async function cleanQueue(work: CleanWork, signal: AbortSignal): Promise<void> {
  const { paths, dryRun, alone } = work;
  if (await leftFile(paths.queue) === undefined) return;
  const { look } = alone;
  using _lock = look && await waitLock(paths.queueLock, { look, signal, onWait() {} });
  const files = (await Promise.all([paths.queue, `${paths.queue}.tmp`].map(leftFile)))
    .filter((file) => file !== undefined);
  if (await statOf(paths.runnerLock)) {
    using runner = await (dryRun ? tryGuard : tryLock)(paths.runnerLock);
    if (!runner) return leave(work, "queue", files, {}, "busy", await holderOf(paths.runnerLock));
  }
  await remove(work, "queue", files);
}
