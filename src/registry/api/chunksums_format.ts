/**
 * A registry's list of the chunks of a blob, as Ollama's registry writes it: words in pairs, a digest and the
 * first and last byte it is of. It is believed only if the chunks are the blob, no byte more, less or twice.
 */

import { type Digest, isDigest } from "../../core/digest.ts";
import type { Descriptor } from "../../core/manifest.ts";
import type { Chunk } from "../../core/ranges.ts";

/** Bytes of a chunk. The last one of a blob may be smaller. */
const SMALLEST = 64 * 1024;
const LARGEST = 4 * 1024 ** 3;

const MOST_CHUNKS = 1_000_000;
/** Characters of a digest; no range has more. */
const LONGEST_WORD = "sha256:".length + 64;

/** The chunks from the first to the last, or what is wrong with the list, as the rest of a sentence about it. */
export type ChunkListResult = { readonly chunks: readonly Chunk[] } | { readonly fault: string };

type Faulty = Extract<ChunkListResult, { fault: string }>;

/**
 * Reads the list of the chunks of `blob`, in any order, as far as the first entry that cannot be right.
 * Throws only what `pieces` throws.
 */
export async function readChunkList(
  pieces: AsyncIterable<Uint8Array>,
  blob: Descriptor,
): Promise<ChunkListResult> {
  // Each byte becomes one character: a word may be cut anywhere, and what is not ASCII matches nothing.
  const decoder = new TextDecoder("latin1");
  const chunks: Chunk[] = [];
  let digest: Digest | undefined;
  const take = (word: string): Faulty | undefined => {
    const line = `entry ${chunks.length + 1}`;
    if (digest === undefined) {
      if (!isDigest(word)) return { fault: `${line} does not begin with a digest` };
      if (chunks.length === MOST_CHUNKS) {
        return { fault: `it has more than ${MOST_CHUNKS} entries` };
      }
      digest = word;
      return undefined;
    }
    const chunk = chunkFrom(word, digest, blob.size);
    if ("fault" in chunk) return { fault: `${line} ${chunk.fault}` };
    chunks.push(chunk);
    digest = undefined;
    return undefined;
  };
  let rest = "";
  for await (const piece of pieces) {
    const words = (rest + decoder.decode(piece)).split(/[ \t\r\n]+/);
    rest = words.pop() ?? "";
    for (const word of words) {
      const faulty = word === "" ? undefined : take(word);
      if (faulty) return faulty;
    }
    if (rest.length > LONGEST_WORD) return { fault: "it has a word that is too long" };
  }
  const faulty = rest === "" ? undefined : take(rest);
  if (faulty) return faulty;
  if (digest !== undefined) return { fault: "its last entry is cut off" };
  return wholeOf(chunks, blob);
}

/** The chunk that `text`, such as `0-65535`, is the range of. */
function chunkFrom(text: string, digest: Digest, size: number): Chunk | Faulty {
  const [, first, last] = /^(0|[1-9]\d{0,15})-(0|[1-9]\d{0,15})$/.exec(text) ?? [];
  const start = Number(first ?? NaN);
  const end = Number(last ?? NaN) + 1;
  if (Number.isNaN(start)) return { fault: "has no range" };
  if (start >= end) return { fault: "ends before it begins" };
  if (end > size) return { fault: "goes beyond the end of the blob" };
  if (end - start > LARGEST) return { fault: "is larger than 4 GiB" };
  if (end - start < SMALLEST && end < size) return { fault: "is smaller than 64 KiB" };
  return { start, end, digest };
}

function wholeOf(chunks: readonly Chunk[], blob: Descriptor): ChunkListResult {
  const sorted = chunks.toSorted((a, b) => a.start - b.start);
  let position = 0;
  for (const { start, end } of sorted) {
    if (start > position) return { fault: `it leaves out the bytes from ${position} on` };
    if (start < position) return { fault: `it has the bytes from ${start} on twice` };
    position = end;
  }
  if (position !== blob.size) return { fault: `it ends at ${position} of ${blob.size} bytes` };
  if (sorted.length === 1 && sorted[0]!.digest !== blob.digest) {
    return { fault: "its only chunk is the blob, under another digest" };
  }
  return { chunks: sorted };
}
