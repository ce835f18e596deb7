/**
 * Removing what pulls have left unfinished, of all models or of some. Finished blobs and manifests are not
 * touched, nor what `ollama pull` has left, nor anything that somebody is at work on.
 */

import type { CleanReport } from "../../core/reports/clean.ts";
import type { ModelName } from "../../core/name.ts";
import { type Disk, realDisk } from "../../io/disk.ts";
import { statOf } from "../../io/stat.ts";
import { cleanScope } from "./scope.ts";
import { cleanBlob, cleanLoose, cleanNotes, cleanQueue, type CleanWork } from "./steps.ts";
import { activeIntents, tryExclusive } from "../layout/exclusive.ts";
import { unfinishedIn } from "../layout/unfinished.ts";
import { type Paths, pathsOf } from "../layout/paths.ts";
import { readIntents } from "../layout/intents.ts";

export interface CleanOptions {
  /** Only what these left; none: everything. */
  readonly models: readonly ModelName[];
  /** Find out and remove nothing. */
  readonly dryRun: boolean;
  /** The list of models to pull as well. */
  readonly queue: boolean;
  /** Ends the wait for whoever is changing the queue. */
  readonly signal: AbortSignal;
}

/**
 * Cleans the models folder `root`. Rejects with kind local, `usage` for a name that fits two models, and the
 * reason of the signal.
 */
export async function cleanFolder(
  root: string,
  options: CleanOptions,
  disk: Disk = realDisk,
): Promise<CleanReport> {
  const { models, dryRun, queue, signal } = options;
  const paths = pathsOf(root);
  // Nothing is made where there is nothing to remove.
  if (!await hasAny(paths, queue)) return { dryRun, removed: [], left: [] };
  using exclusive = await tryExclusive(disk, paths, dryRun);
  using held = new DisposableStack();
  const intents = await readIntents(paths);
  const chosen = await cleanScope(paths, models, intents);
  const work: CleanWork = {
    disk,
    paths,
    dryRun,
    intents,
    chosen,
    exclusive,
    atWork: exclusive.held ? new Map() : await activeIntents(intents, held, exclusive.ownership),
    removed: [],
    left: [],
  };
  const unfinished = await unfinishedIn(paths);
  for (const blob of unfinished.blobs) await cleanBlob(work, blob);
  if (!chosen) await cleanLoose(work, unfinished);
  await cleanNotes(work);
  if (queue) await cleanQueue(work, signal);
  return { dryRun, removed: work.removed, left: work.left };
}

async function hasAny(paths: Paths, queue: boolean): Promise<boolean> {
  const { blobs, temporary, bad, locks } = await unfinishedIn(paths);
  if (blobs.length + temporary.length + bad.length + locks.length > 0) return true;
  return (await readIntents(paths)).length > 0 ||
    (queue && await statOf(paths.queue) !== undefined);
}
