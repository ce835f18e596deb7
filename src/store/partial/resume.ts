/** What an earlier run left of a blob: claims, from the most to the least trusted. */

import { shortId } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import type { Descriptor } from "../../core/manifest.ts";
import { type PrefixDigest, type Range, subtract, total, union } from "../../core/ranges.ts";
import { openForReading } from "../../io/guarded.ts";
import { statOf } from "../../io/stat.ts";
import {
  type Checkpoint,
  type ClaimedRange,
  decodeCheckpoint,
  EMPTY_CHECKPOINT,
  otherSize,
  readCheckpoint,
  readCheckpointFile,
} from "./checkpoint.ts";
import { lastBlockIn } from "./data_end.ts";
import { readPositions } from "./positions.ts";
import type { BlobPaths } from "../layout/paths.ts";

export interface ResumeState {
  readonly claims: readonly ClaimedRange[];
  /** Digests that the claimed bytes must match, ascending. */
  readonly prefixDigests: readonly PrefixDigest[];
  /** Size of the partial file. */
  readonly length: number;
  /** How far a blob with a wrong digest was compared with a second download. */
  readonly searched: number;
}

/**
 * Reads what is left of `blob`. `boot` is the boot time that positions must be from; `adopted`: the file was made
 * by the Go program. Rejects with `size` where bytes are left of a blob of the same digest and another size.
 */
export async function readResume(
  at: BlobPaths,
  blob: Descriptor,
  boot: number,
  adopted: boolean,
): Promise<ResumeState> {
  const file = await statOf(at.partial);
  if (!file) return { claims: [], prefixDigests: [], length: 0, searched: 0 };
  const limit = Math.min(file.size, blob.size);
  const bytes = await readCheckpointFile(at.checkpoint);
  const checkpoint = bytes ? decodeCheckpoint(bytes, blob, at.checkpoint) : EMPTY_CHECKPOINT;
  // What is of this blob is of this size.
  const other = bytes && checkpoint === EMPTY_CHECKPOINT
    ? otherSize(bytes, blob, at.checkpoint)
    : undefined;
  if (other !== undefined) {
    const message =
      `a partial download of blob ${shortId(blob.digest)} is of ${other} bytes in all, ` +
      `and it should have ${blob.size}: one of the two is wrong`;
    throw new PullamaError("size", message, {
      hint: "if you trust this source, drop that download with: pullama clean",
    });
  }
  const live = await readPositions(at.positions, boot, limit);
  const { claims, prefixDigests } = claimsOf(checkpoint, live, limit);
  if (adopted || (checkpoint.old && live.length === 0)) {
    const data = { start: 0, end: await dataEnd(at.partial, file, limit) };
    for (const range of subtract([data], union(claims))) claims.push({ ...range, from: "adopted" });
  }
  return { claims, prefixDigests, length: file.size, searched: checkpoint.searched };
}

/**
 * The checkpoint that claims the same without the help of positions, for a copy of the file, or one that is renamed.
 * `lost`: what the copy does not have.
 */
export function checkpointOf(
  { claims, prefixDigests, searched }: ResumeState,
  lost: readonly Range[] = [],
): Checkpoint {
  const gone = union(lost);
  const proven = claims.flatMap((claim): ClaimedRange[] => {
    const { digest, from } = claim;
    // The prefix digests say the same.
    if (from === "registry" && digest === undefined) return [];
    const left = subtract([claim], gone);
    if (total(left) === total([claim])) return [claim];
    return left.map((range) => ({ ...range, from: from === "registry" ? "live" : from }));
  });
  const sure = { start: 0, end: prefixDigests.at(-1)?.end ?? 0 };
  const holes = subtract([sure], subtract(union(claims), gone));
  return { proven, prefix: prefixDigests, holes, searched };
}

/** How many bytes are probably there, without reading data or taking a lock. */
export async function estimateKept(at: BlobPaths, blob: Descriptor, boot: number): Promise<number> {
  const file = await statOf(at.partial);
  if (!file) return 0;
  const limit = Math.min(file.size, blob.size);
  const checkpoint = await readCheckpoint(at.checkpoint, blob).catch(() => EMPTY_CHECKPOINT);
  const { claims } = claimsOf(checkpoint, await readPositions(at.positions, boot, limit), limit);
  return total(union(claims));
}

/**
 * Claims within the `limit` bytes of the file. Bytes whose digest also covers bytes beyond the limit are claimed
 * without a digest.
 */
export function claimsOf(
  { proven, prefix, holes }: Checkpoint,
  live: readonly Range[],
  limit: number,
): { claims: ClaimedRange[]; prefixDigests: PrefixDigest[] } {
  const prefixDigests = prefix.filter(({ end }) => end <= limit);
  const sure = prefixDigests.at(-1)?.end ?? 0;
  const covered = Math.min(prefix.at(-1)?.end ?? 0, limit);
  const open = union(holes);
  const doubtful = proven.filter(({ from }) => from !== "registry");
  const claims: ClaimedRange[] = [
    ...subtract([{ start: 0, end: sure }], union([...open, ...doubtful]))
      .map((range): ClaimedRange => ({ ...range, from: "registry" })),
    ...subtract([{ start: sure, end: covered }], open)
      .map((range): ClaimedRange => ({ ...range, from: "live" })),
  ];
  for (const claim of proven) {
    if (claim.end <= limit) claims.push(claim);
    else if (claim.start < limit) {
      const from = claim.from === "registry" ? "live" : claim.from;
      claims.push({ start: claim.start, end: limit, from });
    }
  }
  for (const range of subtract(union(live), union(claims))) claims.push({ ...range, from: "live" });
  return { claims, prefixDigests };
}

/**
 * The end of the data in a file that was made at full length and filled from the beginning. The number of allocated
 * blocks is an upper bound.
 */
async function dataEnd(path: string, file: Deno.FileInfo, limit: number): Promise<number> {
  const used = file.blocks === null ? limit : Math.min(limit, file.blocks * 512);
  using handle = await openForReading(path);
  return await lastBlockIn(handle, path, { start: 0, end: used });
}
