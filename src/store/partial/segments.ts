/** The parts of an unfinished blob that are on disk, each with its origin and digest. */

import { type Origin, type PrefixDigest, type Range, total, union } from "../../core/ranges.ts";
import type { HashRun } from "../../io/hash.ts";
import type { Slot } from "./positions.ts";

/** One part. `end` grows while a connection writes it. */
export interface Segment {
  start: number;
  end: number;
  readonly from: Origin;
  /** A connection writes at its end. */
  open: boolean;
  /** The digest of `[start, proof.end)`. */
  proof?: PrefixDigest | undefined;
  /** The hash that computes the proof while the segment grows. */
  run?: HashRun | undefined;
  /** Its position, until a checkpoint includes it. */
  slot?: Slot | undefined;
}

/** All parts of one blob. They may overlap; their union counts. */
export class Segments {
  /** Sorted by start. */
  #list: Segment[] = [];

  get list(): readonly Segment[] {
    return this.#list;
  }

  add(range: Range, from: Origin, rest: Partial<Segment> = {}): Segment {
    const segment: Segment = { start: range.start, end: range.end, from, open: false, ...rest };
    // Most are added near the end.
    const before = this.#list.findLastIndex(({ start }) => start <= segment.start);
    this.#list.splice(before + 1, 0, segment);
    return segment;
  }

  /** What is on disk, sorted and merged. */
  have(): Range[] {
    return union(this.#list);
  }

  /** The end of the contiguous bytes that begin at `from`. */
  reach(from: number): number {
    let at = from;
    for (const { start, end } of this.#list) {
      if (start > at) break;
      at = Math.max(at, end);
    }
    return at;
  }

  /**
   * Takes `range` out and returns how many bytes that were. A segment that is being written stays writable. Both
   * parts of a split segment have its position, which then fits neither.
   */
  cut(range: Range): number {
    const before = total(this.have());
    for (const segment of [...this.#list]) {
      const { start, end } = segment;
      if (end <= range.start || start >= range.end) continue;
      if (start < range.start) {
        const { from, slot } = segment;
        this.add({ start, end: range.start }, from, { slot });
      }
      // The object keeps the right part: a connection may write at its end.
      segment.start = Math.min(end, range.end);
      segment.proof = undefined;
      segment.run?.close();
      segment.run = undefined;
    }
    this.#sweep();
    return before - total(this.have());
  }

  /** Takes out everything that passes `test`. None of it may be open. */
  remove(test: (segment: Segment) => boolean): void {
    for (const segment of this.#list.filter(test)) segment.run?.close();
    this.#list = this.#list.filter((segment) => !test(segment));
  }

  /**
   * Joins neighbours that end at or before `position`, which the prefix hash has passed: they need no digest of
   * their own. Those without a trusted origin stay separate.
   */
  join(position: number): void {
    const passed = this.#list.filter((segment) =>
      segment.end <= position && segment.from === "registry" && !segment.open &&
      segment.slot === undefined
    );
    if (passed.length < 2) return;
    for (const segment of passed) segment.run?.close();
    this.#list = this.#list.filter((segment) => !passed.includes(segment));
    for (const range of union(passed)) this.add(range, "registry");
  }

  #sweep(): void {
    this.#list = this.#list.filter(({ start, end, open }) => open || start < end)
      .sort((a, b) => a.start - b.start);
  }
}
