/**
 * The checkpoint of an unfinished blob: which bytes are on disk, and their digests. An invalid checkpoint costs
 * downloading again, never an error; one that cannot be read, or that a newer pullama wrote, stops the pull
 * and is kept.
 */

import * as v from "valibot";
import { type Digest, isDigest } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import type { Descriptor } from "../../core/manifest.ts";
import { type Origin, type PrefixDigest, type Range, total, union } from "../../core/ranges.ts";
import { readSmallFile } from "../../io/guarded.ts";

/** A range that is on disk; without a digest it is not verified. */
export interface ClaimedRange extends Range {
  readonly digest?: Digest;
  readonly from: Origin;
}

export interface Checkpoint {
  /** Ranges after the last prefix digest, and those before it without a digest of their own. */
  readonly proven: readonly ClaimedRange[];
  /** Ascending. All bytes before the last one are on disk, except the holes. */
  readonly prefix: readonly PrefixDigest[];
  /** Ranges before the last prefix digest that turned out to be wrong and were not downloaded again yet. */
  readonly holes: readonly Range[];
  /** How far a blob with a wrong digest was compared with a second download; 0: not at all. */
  readonly searched: number;
  /** Written by the Go program, which downloads in order. */
  readonly old?: true;
}

export const EMPTY_CHECKPOINT: Checkpoint = { proven: [], prefix: [], holes: [], searched: 0 };

const MAX_BYTES = 64 * 1024 * 1024;
/** Claims and holes that are read, at most: four times what fits into the window of a download in the shortest pieces. */
export const MOST_RANGES = 16_000;
/** Claims may overlap a little, and each with a digest is hashed: all together at most so many times the blob. */
const MOST_HASHED = 2;
const offset = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const digest = v.custom<Digest>(isDigest);
const sameBlob = { digest, size: offset };

const Version2 = v.object({
  ...sameBlob,
  proven: v.array(v.object({
    start: offset,
    end: offset,
    digest: v.optional(digest),
    from: v.picklist(["registry", "adopted", "live"]),
  })),
  prefix: v.array(v.object({ end: offset, digest })),
  holes: v.optional(v.array(v.object({ start: offset, end: offset })), []),
  searched: v.optional(offset, 0),
});

/** A claim as it is read. */
interface Claim extends Range {
  readonly digest?: Digest | undefined;
  readonly from: Origin;
}

/** The form of the Go program: a plan of inclusive ranges with flags. */
const Version1 = v.object({
  ...sameBlob,
  chunks: v.nullable(v.array(v.object({
    start: offset,
    end: offset,
    expected_digest: v.optional(v.union([digest, v.literal("")]), ""),
    verified: v.boolean(),
  }))),
});

/** The bytes of a checkpoint file. `tool` is its writer, such as `pullama/0.1.0`. */
export function encodeCheckpoint(
  blob: Descriptor,
  { proven, prefix, holes, searched }: Checkpoint,
  tool: string,
): Uint8Array {
  const { digest, size } = blob;
  return new TextEncoder().encode(JSON.stringify({
    version: 2,
    tool,
    digest,
    size,
    proven,
    prefix,
    ...(holes.length > 0 && { holes }),
    ...(searched > 0 && { searched }),
  }));
}

/**
 * Reads the checkpoint of `blob`; one that is invalid, or of another blob, is empty. Rejects with kind local
 * where the file exists and cannot be read, or is from a newer version.
 */
export async function readCheckpoint(path: string, blob: Descriptor): Promise<Checkpoint> {
  const bytes = await readCheckpointFile(path);
  return bytes ? decodeCheckpoint(bytes, blob, path) : EMPTY_CHECKPOINT;
}

/**
 * The size of the blob by a checkpoint that has bytes of it, where that is another one than that of `blob`: one of the two
 * is a lie, and the bytes must not be lost by it.
 */
export function otherSize(bytes: Uint8Array, blob: Descriptor, path: string): number | undefined {
  try {
    const data: unknown = JSON.parse(new TextDecoder().decode(bytes));
    const { digest, size } = v.parse(v.object(sameBlob), data);
    if (digest !== blob.digest || size === blob.size) return undefined;
    const own = decodeCheckpoint(bytes, { ...blob, size }, path);
    return own.proven.length + own.prefix.length > 0 ? size : undefined;
  } catch {
    return undefined;
  }
}

/** The bytes of the file; undefined: there is none. Rejects with kind local where it cannot be read. */
export async function readCheckpointFile(path: string): Promise<Uint8Array | undefined> {
  return (await readSmallFile(path, MAX_BYTES))?.bytes;
}

/** The same for bytes that were read already. */
export function decodeCheckpoint(bytes: Uint8Array, blob: Descriptor, path: string): Checkpoint {
  let data: unknown;
  try {
    data = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return EMPTY_CHECKPOINT;
  }
  const version = (data as { version?: unknown } | null)?.version;
  if (version === 1) return fromVersion1(data, blob);
  if (version === 2) return fromVersion2(data, blob);
  if (typeof version === "number" && version > 2) {
    throw new PullamaError("local", `cannot resume from ${path}: a newer pullama wrote it`, {
      hint: "use that version, or drop the partial download with: pullama clean",
    });
  }
  return EMPTY_CHECKPOINT;
}

function fromVersion2(data: unknown, blob: Descriptor): Checkpoint {
  const read = v.safeParse(Version2, data);
  if (!read.success || !isOf(read.output, blob)) return EMPTY_CHECKPOINT;
  const { proven, prefix, holes, searched } = read.output;
  if (!prefix.every(({ end }, i) => end > (prefix[i - 1]?.end ?? 0) && end <= blob.size)) {
    return EMPTY_CHECKPOINT;
  }
  const inside = ({ start, end }: Range) => start < end && end <= blob.size;
  // Without a hole its bytes would be believed.
  if (!holes.every(inside)) return EMPTY_CHECKPOINT;
  const open = union(holes);
  const there = fewer(proven.filter(inside), MOST_RANGES);
  if (open.length > MOST_RANGES || isTooMuch(there, blob)) return EMPTY_CHECKPOINT;
  return {
    proven: there.map(doubted),
    prefix,
    holes: open,
    searched: Math.min(searched, blob.size),
  };
}

/**
 * The same claims, or fewer where they are more than `most`: those that touch become one without a digest, which that of
 * the whole blob decides on.
 */
export function fewer<T extends Range>(
  claims: readonly T[],
  most: number,
): readonly (T | ClaimedRange)[] {
  if (claims.length <= most) return claims;
  return union(claims).slice(0, MOST_RANGES).map((range) => ({ ...range, from: "live" }));
}

/** Of what came from the registry there is a digest, or it is doubted. */
function doubted({ start, end, digest, from }: Claim): ClaimedRange {
  if (digest !== undefined) return { start, end, digest, from };
  return { start, end, from: from === "registry" ? "live" : from };
}

/** Whether it would take very long to resume from these claims, as no pull has ever written them. */
function isTooMuch(
  claims: readonly Pick<Claim, "start" | "end" | "digest">[],
  { size }: Descriptor,
): boolean {
  return claims.length > MOST_RANGES ||
    total(claims.filter(({ digest }) => digest !== undefined)) > MOST_HASHED * size;
}

/**
 * Version 1 has progress in order only: the verified chunks before the first one that is not. Those
 * without a digest were never verified.
 */
function fromVersion1(data: unknown, blob: Descriptor): Checkpoint {
  const read = v.safeParse(Version1, data);
  if (!read.success || !isOf(read.output, blob)) return EMPTY_CHECKPOINT;
  const chunks = read.output.chunks ?? [];
  let at = 0;
  for (const { start, end } of chunks) {
    if (start !== at || end < start) return EMPTY_CHECKPOINT;
    at = end + 1;
  }
  if (chunks.length > 0 && at !== blob.size) return EMPTY_CHECKPOINT;
  const firstOpen = chunks.findIndex((chunk) => !chunk.verified);
  const verified = firstOpen === -1 ? chunks : chunks.slice(0, firstOpen);
  const proven = verified.map(({ start, end, expected_digest }): ClaimedRange =>
    expected_digest === ""
      ? { start, end: end + 1, from: "adopted" }
      : { start, end: end + 1, digest: expected_digest, from: "registry" }
  );
  if (isTooMuch(proven, blob)) return { ...EMPTY_CHECKPOINT, old: true };
  return { ...EMPTY_CHECKPOINT, proven, old: true };
}

function isOf(checkpoint: { digest: Digest; size: number }, blob: Descriptor): boolean {
  return checkpoint.digest === blob.digest && checkpoint.size === blob.size;
}
