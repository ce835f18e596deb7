/** Sets of byte ranges as sorted, disjoint lists. Ranges are half-open: `end` is the first byte not in it. */

import type { Digest } from "./digest.ts";

/** Some bytes of a blob. */
export interface Range {
  /** The first byte. */
  readonly start: number;
  /** The first byte after it. */
  readonly end: number;
}

/** A range with the digest that the registry gave for it, if it gave one. */
export interface Chunk extends Range {
  readonly digest?: Digest;
}

/** A range of an unfinished blob whose bytes are on disk and have this digest. */
export interface Proven extends Range {
  readonly digest: Digest;
  readonly from: Origin;
}

/**
 * Where the bytes of a range came from: the registry in an answer that was followed to its end, a file
 * that another program left, or the last seconds before a kill. Only the first is beyond suspicion when
 * the digest of the whole does not match.
 */
export type Origin = "registry" | "adopted" | "live";

/** Number of bytes in all ranges of a sorted, disjoint list. */
export function total(ranges: readonly Range[]): number {
  let sum = 0;
  for (const range of ranges) sum += range.end - range.start;
  return sum;
}

/** The union of any ranges, sorted and merged; empty ones vanish. */
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

/** What of `from` is not in `what`. Both sorted and disjoint. */
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

/** What is in both. Both sorted and disjoint. */
export function intersect(a: readonly Range[], b: readonly Range[]): Range[] {
  return subtract(a, subtract(a, b));
}

/**
 * The end of the run of bytes that begins at 0: everything before it is there. Ranges that touch need not
 * be merged.
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
 * What has to be fetched of a blob: its chunks less what is on disk. Each result lies within one chunk,
 * so that a request never spans more than the piece its bytes are checked by.
 */
export function missing(chunks: readonly Chunk[], have: readonly Range[]): Range[] {
  return chunks.flatMap((chunk) => subtract([{ start: chunk.start, end: chunk.end }], have));
}

/** Chunks of `length` bytes that cover `size` bytes; the last one may be shorter. */
export function tile(size: number, length: number): Chunk[] {
  const chunks: Chunk[] = [];
  for (let start = 0; start < size; start += length) {
    chunks.push({ start, end: Math.min(size, start + length) });
  }
  return chunks;
}
