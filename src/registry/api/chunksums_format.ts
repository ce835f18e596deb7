/**
 * The chunk list of a blob in the format of Ollama's registry: pairs of words, a digest and the
 * first and last byte that it covers. It is accepted only if the chunks cover the blob without gaps
 * or overlaps.
 */

import { type Digest, isDigest } from "../../core/digest.ts";
import type { Descriptor } from "../../core/manifest.ts";
import type { Chunk } from "../../core/ranges.ts";

/** Bytes of a chunk. The last one of a blob may be smaller. */
const SMALLEST = 64 * 1024;
const LARGEST = 4 * 1024 ** 3;

const MAX_CHUNKS = 1_000_000;
/** Characters of a digest; no range is longer. */
const LONGEST_WORD = "sha256:".length + 64;

/** The chunks in the order of their ranges, or what is wrong with the list. */
export type ChunkListResult = { readonly chunks: readonly Chunk[] } | { readonly problem: string };

type Invalid = Extract<ChunkListResult, { problem: string }>;

/**
 * Reads the chunk list of `blob`, in any order, up to the first invalid entry.
 * Throws only what `pieces` throws.
 */
export async function readChunkList(
  pieces: AsyncIterable<Uint8Array>,
  blob: Descriptor,
): Promise<ChunkListResult> {
  // One character per byte: a word may be split anywhere, and non-ASCII matches nothing.
  const decoder = new TextDecoder("latin1");
  const chunks: Chunk[] = [];
  let digest: Digest | undefined;
  const take = (word: string): Invalid | undefined => {
    const entry = `entry ${chunks.length + 1}`;
    if (digest === undefined) {
      if (!isDigest(word)) return { problem: `${entry} does not begin with a digest` };
      if (chunks.length === MAX_CHUNKS) {
        return { problem: `more than ${MAX_CHUNKS} entries` };
      }
      digest = word;
      return undefined;
    }
    const chunk = chunkFrom(word, digest, blob.size);
    if ("problem" in chunk) return { problem: `${entry} ${chunk.problem}` };
    chunks.push(chunk);
    digest = undefined;
    return undefined;
  };
  let rest = "";
  for await (const piece of pieces) {
    const words = (rest + decoder.decode(piece)).split(/[ \t\r\n]+/);
    rest = words.pop() ?? "";
    for (const word of words) {
      const invalid = word === "" ? undefined : take(word);
      if (invalid) return invalid;
    }
    if (rest.length > LONGEST_WORD) {
      return { problem: `word longer than ${LONGEST_WORD} characters` };
    }
  }
  const invalid = rest === "" ? undefined : take(rest);
  if (invalid) return invalid;
  if (digest !== undefined) return { problem: "the last entry is incomplete" };
  return wholeOf(chunks, blob);
}

/** The chunk with the range `text`, such as `0-65535`. */
function chunkFrom(text: string, digest: Digest, size: number): Chunk | Invalid {
  const [, first, last] = /^(0|[1-9]\d{0,15})-(0|[1-9]\d{0,15})$/.exec(text) ?? [];
  const start = Number(first ?? NaN);
  const end = Number(last ?? NaN) + 1;
  if (Number.isNaN(start)) return { problem: "has no valid range" };
  if (start >= end) return { problem: "ends before it begins" };
  if (end > size) return { problem: "extends beyond the end of the blob" };
  if (end - start > LARGEST) return { problem: "is larger than 4 GiB" };
  if (end - start < SMALLEST && end < size) return { problem: "is smaller than 64 KiB" };
  return { start, end, digest };
}

function wholeOf(chunks: readonly Chunk[], blob: Descriptor): ChunkListResult {
  const sorted = chunks.toSorted((a, b) => a.start - b.start);
  let position = 0;
  for (const { start, end } of sorted) {
    if (start > position) return { problem: `gap at byte ${position}` };
    if (start < position) return { problem: `overlap at byte ${start}` };
    position = end;
  }
  if (position !== blob.size) return { problem: `it ends at byte ${position} of ${blob.size}` };
  if (sorted.length === 1 && sorted[0]!.digest !== blob.digest) {
    return { problem: "the digest of its only chunk is not that of the blob" };
  }
  return { chunks: sorted };
}
