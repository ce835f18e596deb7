/** Whether a model fits on the disk, and what is said when it does not. */

import type { BlobStatus, Room, Store } from "../core/content.ts";
import { PullamaError } from "../core/errors.ts";
import type { Descriptor } from "../core/manifest.ts";
import { formatSize } from "../core/units.ts";

/** Space that is left to everything else on the disk. */
export const FREE_MARGIN: number = 64 * 1024 * 1024;

/** What has to be downloaded, and whether it fits. Sizes in bytes. */
export interface SpaceNeeded {
  readonly toFetch: number;
  readonly free: number | undefined;
  /** Bytes that are missing; 0: it fits. */
  readonly short: number;
}

/** What `statuses` need of the room that is there. */
export function spaceFor(statuses: readonly BlobStatus[], { free }: Room): SpaceNeeded {
  const toFetch = statuses.reduce((sum, { blob, kept }) => sum + blob.size - kept, 0);
  const needed = toFetch === 0 ? 0 : toFetch + FREE_MARGIN;
  return { toFetch, free, short: free === undefined ? 0 : Math.max(0, needed - free) };
}

/** Throws `disk_full` where the model does not fit, or one of its blobs is larger than `largest`, if given. */
export function requireSpace(
  { toFetch, free = 0, short }: SpaceNeeded,
  statuses: readonly BlobStatus[],
  largest = Infinity,
): void {
  const large = statuses.find(({ blob, state }) => state === "missing" && blob.size > largest);
  if (large) {
    throw new PullamaError(
      "disk_full",
      `file too large: the file system takes no file of ${formatSize(large.blob.size)}, ` +
        "the size of one of the blobs",
      { hint: "choose a folder on another file system with --models-dir" },
    );
  }
  if (short === 0) return;
  throw new PullamaError(
    "disk_full",
    `not enough disk space: ${formatSize(toFetch)} to download, ${formatSize(free)} free, ` +
      `${formatSize(short)} short (${formatSize(FREE_MARGIN)} kept free)`,
    { hint: "free some space, choose another --models-dir, or try anyway with --force" },
  );
}

/** Adds to `error`, if it is a full disk, how much is missing, and what `pullama clean` would free and drop. */
export async function withCleanHint(
  error: unknown,
  store: Store,
  blobs: readonly Descriptor[],
): Promise<unknown> {
  if (!(error instanceof PullamaError) || error.kind !== "disk_full") return error;
  const message = await withMissing(error, store, blobs);
  const unfinished = await store.unfinishedBytes(blobs).catch(() => undefined);
  if (!unfinished) return error;
  const drops = unfinished.own === 0
    ? ""
    : `, but drop this download too (${formatSize(unfinished.own)} so far)`;
  const frees = unfinished.others === 0
    ? "nothing of other models"
    : `${formatSize(unfinished.others)} of other models' partial downloads`;
  const clean = `pullama clean would free ${frees}${drops}`;
  return new PullamaError("disk_full", message, {
    hint: error.hint === undefined ? clean : `${error.hint}; ${clean}`,
    cause: error,
  });
}

/** The message of a failed write names the file only. */
async function withMissing(
  { message, cause }: PullamaError,
  store: Store,
  blobs: readonly Descriptor[],
): Promise<string> {
  if (cause === undefined) return message;
  const statuses = await store.survey(blobs).catch(() => []);
  const { toFetch, free, short } = spaceFor(statuses, await store.room());
  if (toFetch === 0 || free === undefined) return message;
  return `${message}; ${formatSize(toFetch)} still to download, ${formatSize(free)} free, ` +
    `${formatSize(short)} short`;
}
