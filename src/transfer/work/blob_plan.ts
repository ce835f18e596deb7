/** What is left to download of one blob, and which connection downloads what. */

import type { Ingest } from "../../core/content.ts";
import type { BlobRef } from "../../core/events.ts";
import type { Descriptor } from "../../core/manifest.ts";
import { type Chunk, type Range, subtract, union } from "../../core/ranges.ts";
import type { RepairRounds } from "../repair/repair_rounds.ts";
import { type Downloader, YIELD } from "./downloader.ts";

/** Only so many ranges are summed up: beyond them it no longer matters how many bytes are left. */
const COUNTED = 1024;

/** A range that one connection downloads. `end` shrinks when another connection takes a part of it. */
export interface Assignment {
  readonly plan: BlobPlan;
  readonly start: number;
  position: number;
  end: number;
  readonly by: Downloader;
  /** Received bytes are compared with those on disk, until they differ. */
  comparing: boolean;
  /** A request for it is under way: it is not waiting for a retry. */
  requesting: boolean;
  /** Ends the download of it; set while that is under way. */
  abort: ((reason: unknown) => void) | undefined;
  /** The assignment whose bytes this one requests again because they do not arrive. */
  repeats: Assignment | undefined;
  repeatedBy: Assignment | undefined;
}

/** The helper requests what follows `at`; with `again`, while the other connection may still receive it. */
export interface Relief {
  readonly of: Assignment;
  readonly at: number;
  readonly again: boolean;
}

/** Bytes that are requested of a range that stands still. */
const MOST_REPEATED = 1024 * 1024;

/** One large blob: the ranges that are being downloaded, and those that are not assigned yet. */
export class BlobPlan {
  readonly assignments = new Set<Assignment>();
  #todo: Range[];
  /**
   * Whether its server sends parts of it. Until that is known, and where it does not, one connection at a time
   * downloads the blob.
   */
  ranged: boolean | undefined;
  /** How far ahead of the first missing byte bytes are requested. */
  readonly window: number;
  /** A checkpoint is being written. */
  saving = false;
  /** All its bytes are here and are being verified. */
  sealing = false;
  /** Aborted once it is a finished blob. */
  readonly sealed: AbortController = new AbortController();
  /** What to compare, once the blob is complete and its digest does not match. */
  repair: RepairRounds | undefined;
  readonly startedAt: number;
  #left = Promise.withResolvers<void>();

  constructor(
    readonly ref: BlobRef,
    readonly blob: Descriptor,
    readonly ingest: Ingest,
    public chunks: readonly Chunk[],
    { now, window }: { readonly now: number; readonly window: number },
  ) {
    this.startedAt = now;
    this.window = window;
    this.#todo = ingest.plan(chunks);
  }

  /** Other chunks became known, which the bytes that have not arrived are compared with. */
  setChunks(chunks: readonly Chunk[]): void {
    if (this.sealed.signal.aborted || this.repair) return;
    this.chunks = chunks;
    this.replan();
  }

  /** Bytes that are not assigned; of very many ranges only the first are counted. */
  get left(): number {
    let sum = 0;
    for (let i = 0; i < Math.min(this.#todo.length, COUNTED); i++) {
      sum += this.#todo[i]!.end - this.#todo[i]!.start;
    }
    return sum;
  }

  /** Bytes that are assigned and have not arrived. */
  get assigned(): number {
    return [...this.assignments].reduce((sum, { position, end }) => sum + end - position, 0);
  }

  /** Nothing is left to download or to compare. */
  get done(): boolean {
    return this.#todo.length === 0 && this.assignments.size === 0 &&
      this.repair?.next === undefined;
  }

  /** Bytes are missing after all, or a connection did not download them. */
  putBack(range: Range): void {
    if (range.start < range.end) this.#todo = splitAt(union([...this.#todo, range]), this.chunks);
  }

  /** After bytes were discarded. Assigned ranges count as a whole: some of their bytes are being written. */
  replan(): void {
    const inHand = union([...this.assignments].map(({ start, end }) => ({ start, end })));
    this.#todo = subtract(this.ingest.plan(this.chunks), inHand);
  }

  /** The next range to download, of about `length` bytes. */
  take(length: number, by: Downloader): Assignment | undefined {
    const range = this.#todo[0];
    if (!range) return this.#takeCompared(by);
    if (!this.ranged && this.assignments.size > 0) return undefined;
    // The hash, which follows, would have to read from disk what is further ahead.
    if (range.start >= this.#front + this.window) return undefined;
    const most = this.ranged === false ? Infinity : length;
    const end = range.end - range.start <= most * 1.5 ? range.end : range.start + most;
    // There may be very many chunks: only the first one is touched.
    if (end === range.end) this.#todo.shift();
    else this.#todo[0] = { start: end, end: range.end };
    return this.#add({ start: range.start, end }, by);
  }

  /** For a body that continues: the next range at or after `position`. */
  takeFrom(position: number, by: Downloader): Assignment | undefined {
    const range = this.#todo.find(({ end }) => end > position);
    if (!range) return undefined;
    const rest = { start: Math.max(range.start, position), end: range.end };
    this.#todo = subtract(this.#todo, [rest]);
    return this.#add(rest, by);
  }

  /** Takes what another connection would not finish soon. */
  relieve({ of, at, again }: Relief, by: Downloader): Assignment {
    const { end } = of;
    if (!again) {
      of.end = at;
      return this.#add({ start: at, end }, by);
    }
    // Should both arrive after all, that is all that arrives twice.
    const repeat = this.#add({ start: at, end: Math.min(end, at + MOST_REPEATED) }, by);
    repeat.repeats = of;
    of.repeatedBy = repeat;
    return repeat;
  }

  /** The bytes of a repeated range arrive: they are its own from now on. False: it is no longer needed. */
  overtake(repeat: Assignment): boolean {
    const of = repeat.repeats;
    if (!of) return true;
    if (!this.assignments.has(of) || of.position >= repeat.end) return false;
    repeat.position = of.position;
    repeat.repeats = undefined;
    of.repeatedBy = undefined;
    this.putBack({ start: repeat.end, end: of.end });
    of.end = of.position;
    of.abort?.(YIELD);
    return true;
  }

  /** The connection has finished its range, or gives up the rest of it. */
  leave(assignment: Assignment): void {
    this.assignments.delete(assignment);
    const { repeats, repeatedBy, position, end, comparing } = assignment;
    if (repeatedBy) repeatedBy.abort?.(YIELD);
    if (repeats) repeats.repeatedBy = undefined;
    else if (!comparing) this.putBack({ start: position, end });
    this.#left.resolve();
    this.#left = Promise.withResolvers();
  }

  /** Where a whole body has broken off the range that was being read from it is the next one that is missing. */
  refill(assignment: Assignment): void {
    if (this.ranged !== false || assignment.position < assignment.end) return;
    const range = this.#todo.shift();
    if (range) [assignment.position, assignment.end] = [range.start, range.end];
  }

  /** Ends the downloads of all other ranges of the blob, and resolves when they have been put back. */
  async leftTo(assignment: Assignment): Promise<void> {
    for (const other of this.assignments) if (other !== assignment) other.abort?.(YIELD);
    while (this.assignments.size > 1) await this.#left.promise;
  }

  /** All connections give their ranges back; one that receives the whole blob would have to begin again, and waits. */
  pause(): void {
    if (this.ranged !== false) { for (const one of this.assignments) one.abort?.(YIELD); }
  }

  /** What an idle connection may help with: while the window is full, only the range that holds up the others. */
  get relievable(): readonly Assignment[] {
    // A second request for a whole body would end the first one.
    const all = this.ranged === false ? [] : [...this.assignments];
    if (this.#todo.length === 0) return all;
    const front = this.#front;
    return all.filter(({ position }) => position === front);
  }

  /** The first byte that no connection has delivered. */
  get #front(): number {
    let front = this.#todo[0]?.start ?? this.blob.size;
    for (const { position } of this.assignments) front = Math.min(front, position);
    return front;
  }

  /** One range at a time: the digest of the blob is computed after each that differed. */
  #takeCompared(by: Downloader): Assignment | undefined {
    const next = this.repair?.next;
    if (!next || this.assignments.size > 0 || this.sealing) return undefined;
    const end = this.ranged === false ? this.blob.size : next.end;
    return this.#add({ start: next.start, end }, by, true);
  }

  #add({ start, end }: Range, by: Downloader, comparing = false): Assignment {
    const assignment: Assignment = {
      plan: this,
      start,
      position: start,
      end,
      by,
      comparing,
      requesting: false,
      abort: undefined,
      repeats: undefined,
      repeatedBy: undefined,
    };
    this.assignments.add(assignment);
    return assignment;
  }
}

/** Ranges cut at the boundaries of chunks: no request spans more than what is checked together. */
function splitAt(ranges: readonly Range[], chunks: readonly Chunk[]): Range[] {
  const split: Range[] = [];
  let c = 0;
  for (const { start, end } of ranges) {
    while (c < chunks.length && chunks[c]!.end <= start) c++;
    let at = start;
    for (let k = c; k < chunks.length && chunks[k]!.start < end; k++) {
      const to = Math.min(end, chunks[k]!.end);
      if (at < to) split.push({ start: at, end: to });
      at = to;
    }
  }
  return split;
}
