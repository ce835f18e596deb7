/** Sets of byte ranges as sorted, disjoint lists. Ranges are half-open: `end` is exclusive. */

import type { Digest } from "./digest.ts";

/** A byte range of a blob. */
export interface Range {
  /** The offset of the first byte. */
  readonly start: number;
  /** The offset after the last byte. */
  readonly end: number;
}

/** A range, with the digest from the registry if there is one. */
export interface Chunk extends Range {
  readonly digest?: Digest;
}

/** The digest of everything before `end`. */
export interface PrefixDigest {
  readonly end: number;
  readonly digest: Digest;
}

/** A range of a partial blob that is on disk, with the digest of its bytes. */
export interface Proven extends Range {
  readonly digest: Digest;
  readonly from: Origin;
}

/**
 * Where the bytes of a range came from: a download from the registry, a partial file of another
 * program, or the last seconds before a kill. Only the first is trusted when the digest of the blob
 * does not match.
 */
export type Origin = "registry" | "adopted" | "live";

/** The number of bytes in a sorted, disjoint list. */
export function total(ranges: readonly Range[]): number {
  let sum = 0;
  for (const range of ranges) sum += range.end - range.start;
  return sum;
}

/** The union of any ranges, sorted and merged, without empty ones. */
export function union(ranges: readonly Range[]): Range[] {
  const sorted = ranges.filter((range) => range.start < range.end)
    .sort((a, b) => a.start - b.start);
  const merged: { start: number; end: number }[] = [];
  for (const range of sorted) {
    const last = merged.at(-1);
    if (last && range.start <= last.end) last.end = Math.max(last.end, range.end);
    else merged.push({ start: range.start, end: range.end });
  }
  return merged;
}

/** The parts of `from` that are not in `what`. Both are sorted and disjoint. */
export function subtract(from: readonly Range[], what: readonly Range[]): Range[] {
  const left: Range[] = [];
  let w = 0;
  for (const range of from) {
    let start = range.start;
    while (w < what.length && what[w]!.end <= start) w++;
    for (let k = w; k < what.length && what[k]!.start < range.end; k++) {
      const hole = what[k]!;
      if (hole.start > start) left.push({ start, end: hole.start });
      start = Math.max(start, hole.end);
    }
    if (start < range.end) left.push({ start, end: range.end });
  }
  return left;
}

/** The intersection. Both are sorted and disjoint. */
export function intersect(a: readonly Range[], b: readonly Range[]): Range[] {
  return subtract(a, subtract(a, b));
}

/**
 * The end of the contiguous bytes from offset 0. Adjacent ranges need not be merged.
 */
export function front(have: readonly Range[]): number {
  let end = 0;
  for (const range of have) {
    if (range.start > end) break;
    end = Math.max(end, range.end);
  }
  return end;
}

/**
 * The ranges of a blob that are still to be downloaded: its chunks, which are sorted, without what
 * is on disk. Each result is within one chunk, so that a request never spans more than the piece
 * that is verified.
 */
export function missing(chunks: readonly Chunk[], have: readonly Range[]): Range[] {
  return subtract(chunks, have);
}

/** Chunks of `length` bytes that cover `size` bytes; the last one may be shorter. */
export function tile(size: number, length: number): Chunk[] {
  const chunks: Chunk[] = [];
  for (let start = 0; start < size; start += length) {
    chunks.push({ start, end: Math.min(size, start + length) });
  }
  return chunks;
}
