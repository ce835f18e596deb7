/** Writing the checkpoint of an unfinished blob, so that it is true after a power cut. */

import type { Digest } from "../../core/digest.ts";
import type { Descriptor } from "../../core/manifest.ts";
import { intersect, type PrefixDigest, type Range, subtract, total } from "../../core/ranges.ts";
import { replaceFile } from "../../io/atomic.ts";
import { isReadFailure } from "../../io/file_error.ts";
import { type ClaimedRange, encodeCheckpoint, fewer, MOST_RANGES } from "./checkpoint.ts";
import type { DataFile } from "./data_file.ts";
import { digestUpTo } from "./digest_up_to.ts";
import type { IngestTools } from "./ingest_tools.ts";
import type { Slot } from "./positions.ts";
import type { Segment, Segments } from "./segments.ts";

/** Bytes without a digest of their own are hashed for a checkpoint only up to this length. */
const DOUBTFUL_LIMIT = 256 * 1024 * 1024;

/** Claims at most, half of what a run reads: others may be added to those by the positions of a kill. */
const MOST_CLAIMS = MOST_RANGES / 2;

/** The state of the blob. */
export interface CheckpointWork {
  readonly blob: Descriptor;
  readonly data: DataFile;
  readonly segments: Segments;
  readonly prefixDigests: readonly PrefixDigest[];
  readonly searched: number;
}

/** A segment at one moment; it may grow meanwhile. */
interface SegmentSnapshot {
  readonly segment: Segment;
  readonly start: number;
  readonly end: number;
}

/**
 * Syncs the data and only then replaces the checkpoint. Returns how many bytes are safe, and the positions that
 * are no longer needed.
 */
export async function writeCheckpoint(
  tools: IngestTools,
  work: CheckpointWork,
): Promise<{ readonly bytes: number; readonly slots: readonly Slot[] }> {
  const { blob, data, segments, prefixDigests, searched } = work;
  const prefixEnd = prefixDigests.at(-1)?.end ?? 0;
  const have = segments.have();
  const snapshots = segments.list.map((segment) => ({
    segment,
    start: segment.start,
    end: segment.end,
  }));
  const slots = segments.list.flatMap(({ open, slot }) => !open && slot ? [slot] : []);
  const [proven] = await Promise.all([claimsFrom(tools, snapshots, prefixEnd), data.sync()]);
  // Without what turned out to be wrong while the rest was hashed and synced.
  const still = intersect(have, segments.have());
  const bytes = encodeCheckpoint(blob, {
    proven: fewer(proven, MOST_CLAIMS).flatMap((claim) =>
      claim.digest === undefined
        ? intersect([claim], still).map((range) => ({ ...range, from: claim.from }))
        : subtract([claim], still).length === 0
        ? [claim]
        : []
    ),
    prefix: prefixDigests,
    holes: subtract([{ start: 0, end: prefixEnd }], still),
    searched,
  }, tools.tool);
  await replaceFile(tools.disk, tools.at.checkpoint, tools.temporary(), bytes, tools.ownership);
  for (const segment of segments.list) {
    if (!segment.open && segment.slot && slots.includes(segment.slot)) segment.slot = undefined;
  }
  return { bytes: total(still), slots };
}

/** What the prefix digests do not cover: one claim a segment, with its digest if it can be computed. */
async function claimsFrom(
  tools: IngestTools,
  snapshots: readonly SegmentSnapshot[],
  prefixEnd: number,
): Promise<ClaimedRange[]> {
  const claims: ClaimedRange[] = [];
  for (const { segment, start, end } of snapshots) {
    const { from } = segment;
    if (start >= end || (from === "registry" && end <= prefixEnd)) continue;
    // Cut off from a larger one: the prefix digests prove most of it, and to hash all of it would take long.
    const isRest = from === "registry" && start < prefixEnd && !segment.open && !segment.run;
    if (isRest && !segment.proof) {
      const digest = await digestOf(tools, { start: prefixEnd, end });
      // A cut meanwhile moves the start: other bytes may be there by now.
      if (digest && segment.start === start) claims.push({ start: prefixEnd, end, digest, from });
      else if (segment.start === start) claims.push({ start: prefixEnd, end, from: "live" });
      continue;
    }
    const hash = end > prefixEnd && (from === "registry" || end - start <= DOUBTFUL_LIMIT);
    const readable = !hash || await prove(tools, segment, start, end);
    const proof = segment.start === start && segment.proof?.end === end ? segment.proof : undefined;
    if (proof) claims.push({ start, end, digest: proof.digest, from });
    else if (from !== "registry") claims.push({ start, end, from });
    // The hash of the whole blob finds out which part of it.
    else if (!readable) claims.push({ start, end, from: "live" });
  }
  return claims;
}

async function digestOf(tools: IngestTools, { start, end }: Range): Promise<Digest | undefined> {
  const run = tools.hasher.follow(tools.at.partial, start);
  try {
    return await digestUpTo(run, end, true);
  } finally {
    await run.close();
  }
}

/** Hashes the segment up to `end`. False: the disk cannot read it. */
async function prove(
  tools: IngestTools,
  segment: Segment,
  start: number,
  end: number,
): Promise<boolean> {
  if (segment.start !== start) return true;
  const run = segment.run ??= tools.hasher.follow(tools.at.partial, start);
  if (segment.proof?.end !== end) {
    try {
      if (!await run.extend(end, undefined, true)) return true;
    } catch (error) {
      if (!isReadFailure(error)) throw error;
      // What it has hashed of the slice is not known.
      if (segment.run === run) segment.run = undefined;
      await run.close();
      return false;
    }
    // The segment was cut meanwhile.
    if (segment.run !== run || run.digest === undefined) return true;
    segment.proof = { end, digest: run.digest };
  }
  if (!segment.open && segment.end === end) {
    segment.run = undefined;
    await run.close();
  }
  return true;
}
