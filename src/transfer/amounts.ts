/** Amounts: what of a model is on disk, and what has to be downloaded. */

import type { BlobStatus, PullIntent } from "../core/content.ts";
import type { DryRun } from "../core/events.ts";
import type { Descriptor, Manifest } from "../core/manifest.ts";
import type { ModelName } from "../core/name.ts";
import type { PullPace } from "./pace.ts";
import type { SpaceNeeded } from "./space.ts";

/** What is missing, for other processes to see. */
export function intentOf(
  name: ModelName,
  statuses: readonly BlobStatus[],
  { hours }: Pick<PullPace, "hours">,
): PullIntent {
  const missing = statuses.filter(({ state }) => state === "missing").map(({ blob }) => blob);
  const digestsWhere = (isPresent: boolean) =>
    new Set(
      statuses.filter(({ state }) => (state === "present") === isPresent)
        .map(({ blob }) => blob.digest),
    );
  return {
    name,
    digests: digestsWhere(false),
    present: digestsWhere(true),
    size: sizeOf(statuses.map(({ blob }) => blob)),
    missing: sizeOf(missing),
    ...(hours !== undefined && { hours }),
  };
}

/** What a pull would do. */
export function dryRun(
  name: ModelName,
  { digest }: Manifest,
  statuses: readonly BlobStatus[],
  { toFetch, free, short }: SpaceNeeded,
  order: readonly string[] | undefined,
): DryRun {
  const size = sizeOf(statuses.map(({ blob }) => blob));
  return {
    name,
    digest,
    size,
    cached: size - toFetch,
    toFetch,
    free,
    fits: short === 0,
    ...(order && { from: order }),
    blobs: statuses.map(({ blob: { digest, size, mediaType }, kept }) => ({
      digest,
      size,
      mediaType,
      cached: kept,
    })),
  };
}

/** Of all of them, in bytes. */
export function sizeOf(blobs: readonly Descriptor[]): number {
  return blobs.reduce((sum, { size }) => sum + size, 0);
}

/** Bytes that need not be downloaded. */
export function keptOf(statuses: readonly BlobStatus[]): number {
  return statuses.reduce((sum, { kept }) => sum + kept, 0);
}
