/** Whether a model fits, and what is said when the disk is full. */

import { PullamaError } from "../core/errors.ts";
import type { Descriptor } from "../core/manifest.ts";
import { formatSize } from "../core/units.ts";
import type { BlobStatus, Store } from "../core/content.ts";

/** Room that is left for everything else on the disk. */
export const FREE_MARGIN: number = 64 * 1024 * 1024;

/** What has to be fetched, and whether it fits. Sizes in bytes. */
export interface SpaceNeeded {
  readonly toFetch: number;
  readonly free: number | undefined;
  /** Bytes that there are too few; 0: it fits. */
  readonly short: number;
}

/** What `standings` need of `free` bytes. */
export function spaceFor(statuses: readonly BlobStatus[], free: number | undefined): SpaceNeeded {
  const toFetch = statuses.reduce((sum, { blob, kept }) => sum + blob.size - kept, 0);
  const needed = toFetch === 0 ? 0 : toFetch + FREE_MARGIN;
  return { toFetch, free, short: free === undefined ? 0 : Math.max(0, needed - free) };
}

/** Throws `disk_full` where the model does not fit, or one of its blobs is a file that cannot be. */
export function requireSpace(
  { toFetch, free = 0, short }: SpaceNeeded,
  statuses: readonly BlobStatus[],
  largest = Infinity,
): void {
  const large = statuses.find(({ blob, state }) => state === "missing" && blob.size > largest);
  if (large) {
    throw new PullamaError(
      "disk_full",
      `the file system takes no file of ${formatSize(large.blob.size)}, as one of the blobs is`,
      { hint: "choose a folder on another file system with --models-dir" },
    );
  }
  if (short === 0) return;
  throw new PullamaError(
    "disk_full",
    `the disk is too small: ${formatSize(toFetch)} are to be fetched and ${
      formatSize(free)
    } are free, ` +
      `${formatSize(short)} are missing with ${formatSize(FREE_MARGIN)} to spare`,
    { hint: "free some space, choose another --models-dir, or try all the same with --force" },
  );
}

/** A full disk is answered with what is missing, and with what removing leftovers would bring, and cost. */
export async function withCleanHint(
  error: unknown,
  store: Store,
  blobs: readonly Descriptor[],
): Promise<unknown> {
  if (!(error instanceof PullamaError) || error.kind !== "disk_full") return error;
  const message = await withMissing(error, store, blobs);
  const left = await store.unfinishedBytes(blobs).catch(() => undefined);
  if (!left) return error;
  const drops = left.own === 0
    ? ""
    : `, but drop this download too (${formatSize(left.own)} that are here)`;
  const frees = left.others === 0
    ? "nothing of other models"
    : `${formatSize(left.others)} that pulls of other models have left`;
  const clean = `pullama clean would free ${frees}${drops}`;
  return new PullamaError("disk_full", message, {
    hint: error.hint === undefined ? clean : `${error.hint}; ${clean}`,
    cause: error,
  });
}

/** Of a disk that was full on the way, which only says which file could not be written. */
async function withMissing(
  { message, cause }: PullamaError,
  store: Store,
  blobs: readonly Descriptor[],
): Promise<string> {
  if (cause === undefined) return message;
  const statuses = await store.survey(blobs).catch(() => []);
  const { toFetch, free, short } = spaceFor(statuses, store.free());
  if (toFetch === 0 || free === undefined) return message;
  return `${message}; ${formatSize(toFetch)} are still to be fetched and ${formatSize(free)} are ` +
    `free, ${formatSize(short)} are missing`;
}
