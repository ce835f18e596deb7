/**
 * Removes partial downloads, locks and checkpoints, of all models or of some. Never touches finished blobs,
 * manifests, what `ollama pull` left, or what another process is using.
 */

import type { Digest } from "../../core/digest.ts";
import type { CleanReport } from "../../core/reports/clean.ts";
import type { ModelName } from "../../core/name.ts";
import { statOf } from "../../io/stat.ts";
import { cleanScope } from "./scope.ts";
import { cleanBlob, cleanIntents, cleanLoose, cleanQueue, type CleanWork } from "./steps.ts";
import { cleanUploads } from "./uploads.ts";
import { activeIntents, tryExclusive } from "../layout/exclusive.ts";
import { type UnfinishedBlob, unfinishedIn } from "../layout/unfinished.ts";
import type { Folder } from "../layout/folder.ts";
import type { Paths } from "../layout/paths.ts";
import { readIntents, type StoredIntent } from "../layout/intents.ts";
import { requireOwnFolders } from "../layout/trust.ts";

export interface CleanOptions {
  /** Only what pulls of these left; none: everything. */
  readonly models: readonly ModelName[];
  /** Report what would be removed, and change nothing. */
  readonly dryRun: boolean;
  /** Also the queue. */
  readonly queue: boolean;
  /** Only what nothing was written to since then, in milliseconds since 1970; default: of any age. */
  readonly before?: number | undefined;
  /** Ends the wait for a process that is changing the queue. */
  readonly signal: AbortSignal;
}

/**
 * Cleans a models folder. Rejects with kind local, `usage` for a name that fits two models, and the reason of the
 * signal.
 */
export async function cleanFolder(
  folder: Folder,
  options: CleanOptions,
): Promise<CleanReport> {
  const { models, dryRun, queue, before = Infinity, signal } = options;
  const { paths } = folder;
  await requireOwnFolders(paths);
  // No file is made where there is nothing to remove.
  if (!await hasAny(paths, queue)) return { dryRun, removed: [], left: [] };
  using exclusive = await tryExclusive(folder, dryRun);
  using held = new DisposableStack();
  const intents = await readIntents(paths);
  const scope = await cleanScope(paths, models, intents);
  const unfinished = await unfinishedIn(paths);
  const work: CleanWork = {
    folder,
    dryRun,
    intents,
    scope,
    before,
    young: youngIn(unfinished.blobs, intents, before),
    exclusive,
    active: exclusive.held ? new Map() : await activeIntents(intents, held, exclusive.ownership),
    removed: [],
    left: [],
  };
  for (const blob of unfinished.blobs) await cleanBlob(work, blob);
  if (!scope) {
    await cleanLoose(work, unfinished);
    await cleanUploads(work, unfinished.uploads);
  }
  await cleanIntents(work);
  if (queue) await cleanQueue(work, signal);
  return { dryRun, removed: work.removed, left: work.left };
}

/** Blobs that were written to after `before`, and all others of a model that has one. */
function youngIn(
  blobs: readonly UnfinishedBlob[],
  intents: readonly StoredIntent[],
  before: number,
): ReadonlySet<Digest> {
  const own = new Set(
    blobs.filter(({ own, waiting, bad }) =>
      [...own, ...waiting, ...bad].some(({ modifiedMs }) => modifiedMs > before)
    ).map(({ digest }) => digest),
  );
  const pulled = intents.filter(({ needs }) => !own.isDisjointFrom(needs));
  return new Set([...own, ...pulled.flatMap(({ needs }) => [...needs])]);
}

async function hasAny(paths: Paths, queue: boolean): Promise<boolean> {
  const { blobs, ...others } = await unfinishedIn(paths);
  if ([blobs, ...Object.values(others)].some(({ length }) => length > 0)) return true;
  return (await readIntents(paths)).length > 0 ||
    (queue && await statOf(paths.queue) !== undefined);
}
