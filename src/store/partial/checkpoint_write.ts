/** Writing down how far an unfinished blob is, so that it holds after a power cut. */

import type { Descriptor } from "../../core/manifest.ts";
import { intersect, subtract, total } from "../../core/ranges.ts";
import { replaceFile } from "../../io/atomic.ts";
import type { Disk, DiskFile, Ownership } from "../../io/disk.ts";
import type { Hasher } from "../../io/hash.ts";
import { type ClaimedRange, encodeCheckpoint, type PrefixDigest } from "./checkpoint.ts";
import type { Slot } from "./positions.ts";
import type { BlobPaths } from "../layout/paths.ts";
import type { Segment, Segments } from "./segments.ts";

/** Bytes of doubtful origin are hashed for the checkpoint only up to this length; the whole decides. */
const DOUBTFUL_LIMIT = 256 * 1024 * 1024;

export interface CheckpointWork {
  readonly disk: Disk;
  readonly hasher: Hasher;
  readonly at: BlobPaths;
  readonly temporary: () => string;
  readonly ownership: Ownership;
  readonly tool: string;
  readonly blob: Descriptor;
  readonly file: DiskFile;
  readonly segments: Segments;
  readonly prefixDigests: readonly PrefixDigest[];
  readonly searched: number;
}

/** A segment as it is at one moment; it goes on growing. */
interface SegmentSnapshot {
  readonly segment: Segment;
  readonly start: number;
  readonly end: number;
}

/**
 * Syncs the data and only then replaces the checkpoint. Returns how many bytes are safe and which live
 * positions are not needed any more.
 */
export async function writeCheckpoint(
  work: CheckpointWork,
): Promise<{ readonly bytes: number; readonly slots: readonly Slot[] }> {
  const { disk, blob, at, file, segments, prefixDigests, searched } = work;
  const proofFront = prefixDigests.at(-1)?.end ?? 0;
  const have = segments.have();
  const stills = segments.list.map((segment) => ({
    segment,
    start: segment.start,
    end: segment.end,
  }));
  const slots = segments.list.flatMap(({ open, slot }) => !open && slot ? [slot] : []);
  const [proven] = await Promise.all([claimsFrom(work, stills, proofFront), file.sync()]);
  // What was found to be wrong while the rest was hashed and synced is not written down any more.
  const still = intersect(have, segments.have());
  const bytes = encodeCheckpoint(blob, {
    proven: proven.flatMap((claim) =>
      claim.digest === undefined
        ? intersect([claim], still).map((range) => ({ ...range, from: claim.from }))
        : subtract([claim], still).length === 0
        ? [claim]
        : []
    ),
    prefix: prefixDigests,
    holes: subtract([{ start: 0, end: proofFront }], still),
    searched,
  }, work.tool);
  await replaceFile(disk, at.checkpoint, work.temporary(), bytes, work.ownership);
  for (const segment of segments.list) {
    if (!segment.open && segment.slot && slots.includes(segment.slot)) segment.slot = undefined;
  }
  return { bytes: total(still), slots };
}

/** What the marks do not speak for, one claim a segment, with its digest where that can be had. */
async function claimsFrom(
  work: CheckpointWork,
  stills: readonly SegmentSnapshot[],
  proofFront: number,
): Promise<ClaimedRange[]> {
  const claims: ClaimedRange[] = [];
  for (const { segment, start, end } of stills) {
    const { from } = segment;
    if (start >= end || (from === "registry" && end <= proofFront)) continue;
    const intents = end > proofFront && (from === "registry" || end - start <= DOUBTFUL_LIMIT);
    if (intents) await prove(work, segment, start, end);
    const proof = segment.start === start && segment.proof?.end === end ? segment.proof : undefined;
    if (proof) claims.push({ start, end, digest: proof.digest, from });
    else if (from !== "registry") claims.push({ start, end, from });
  }
  return claims;
}

async function prove(
  work: CheckpointWork,
  segment: Segment,
  start: number,
  end: number,
): Promise<void> {
  if (segment.start !== start) return;
  const run = segment.run ??= work.hasher.follow(work.at.partial, start);
  if (segment.proof?.end !== end) {
    if (!await run.extend(end, undefined, true)) return;
    // Cut meanwhile: what was hashed is not this segment any more.
    if (segment.run !== run || run.digest === undefined) return;
    segment.proof = { end, digest: run.digest };
  }
  if (!segment.open && segment.end === end) {
    segment.run = undefined;
    await run.close();
  }
}
