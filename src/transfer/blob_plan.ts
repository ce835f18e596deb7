/** What is left to download of one blob, and which connection downloads what. */

import type { Ingest } from "../core/content.ts";
import type { BlobRef } from "../core/events.ts";
import type { Descriptor } from "../core/manifest.ts";
import { type Chunk, type Range, subtract, union } from "../core/ranges.ts";
import type { RepairRounds } from "./repair_rounds.ts";

const MIB = 1024 * 1024;
/** The first pieces of a blob are short, so that the hash of the blob can follow from the start. */
const FIRST_PIECE = 32 * MIB;
/** Pieces get shorter towards the end, so that all connections finish together, but not shorter than this. */
const LAST_PIECE = 8 * MIB;
/** A range with less than this left, or finished within a second, is not split. */
const WORTH_SHARING = 2 * MIB;
const WORTH_SHARING_MS = 1000;

/** Only so many ranges are summed up: beyond them it no longer matters how many bytes are left. */
const COUNTED = 1024;

/** A range that one connection downloads. `end` shrinks when another connection takes a part of it. */
export interface Assignment {
  readonly plan: BlobPlan;
  readonly start: number;
  position: number;
  end: number;
  readonly since: number;
  /** Received bytes are compared with those on disk, until they differ. */
  comparing: boolean;
  /** Ends the request under way; set while there is one. */
  abort: ((reason: unknown) => void) | undefined;
}

/** One large blob: the ranges that are being downloaded, and those that are not assigned yet. */
export class BlobPlan {
  readonly assignments = new Set<Assignment>();
  #todo: Range[];
  #taken = 0;
  /** Its server sends only whole blobs: one connection at a time. */
  single = false;
  /** A checkpoint is being written. */
  saving = false;
  /** All its bytes are here and are being verified. */
  sealing = false;
  /** What to compare, once the blob is complete and its digest does not match. */
  repair: RepairRounds | undefined;
  readonly startedAt: number;

  constructor(
    readonly ref: BlobRef,
    readonly blob: Descriptor,
    readonly ingest: Ingest,
    readonly chunks: readonly Chunk[],
    now: number,
  ) {
    this.startedAt = now;
    this.#todo = ingest.plan(chunks);
  }

  /** Bytes that are not assigned; of very many ranges only the first are counted. */
  get left(): number {
    let sum = 0;
    for (let i = 0; i < Math.min(this.#todo.length, COUNTED); i++) {
      sum += this.#todo[i]!.end - this.#todo[i]!.start;
    }
    return sum;
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

  /** The next range to download; `most` is the fair share of one connection, in bytes. */
  take(most: number, now: number): Assignment | undefined {
    const range = this.#todo[0];
    if (!range) return this.#takeCompared(now);
    if (this.single && this.assignments.size > 0) return undefined;
    const first = FIRST_PIECE * 2 ** Math.min(10, this.#taken++ >> 2);
    const fair = Math.ceil(Math.min(first, most) / MIB) * MIB;
    const length = this.single ? Infinity : Math.max(fair, LAST_PIECE);
    const end = range.end - range.start <= length * 1.5 ? range.end : range.start + length;
    // There may be very many chunks: only the first one is touched.
    if (end === range.end) this.#todo.shift();
    else this.#todo[0] = { start: end, end: range.end };
    return this.#add({ start: range.start, end }, now);
  }

  /** For a body that continues: the next range at or after `position`. */
  takeFrom(position: number, now: number): Assignment | undefined {
    const range = this.#todo.find(({ end }) => end > position);
    if (!range) return undefined;
    const rest = { start: Math.max(range.start, position), end: range.end };
    this.#todo = subtract(this.#todo, [rest]);
    return this.#add(rest, now);
  }

  /** The second half of the range that takes longest; its connection will stop before. */
  share(now: number): Assignment | undefined {
    if (this.single) return undefined;
    let slowest: Assignment | undefined;
    let longest = WORTH_SHARING_MS;
    for (const assignment of this.assignments) {
      if (assignment.comparing) continue;
      const left = assignment.end - assignment.position;
      const elapsed = now - assignment.since;
      // The first second of a request does not show its rate.
      if (left < WORTH_SHARING || elapsed < WORTH_SHARING_MS) continue;
      const rate = (assignment.position - assignment.start) / elapsed;
      const time = rate === 0 ? elapsed : left / rate;
      if (time > longest) {
        slowest = assignment;
        longest = time;
      }
    }
    if (!slowest) return undefined;
    const middle = slowest.position + Math.ceil((slowest.end - slowest.position) / 2);
    const end = slowest.end;
    slowest.end = middle;
    return this.#add({ start: middle, end }, now);
  }

  /** The connection has finished its range, or gives up the rest of it. */
  leave(assignment: Assignment): void {
    this.assignments.delete(assignment);
    if (!assignment.comparing) this.putBack({ start: assignment.position, end: assignment.end });
  }

  /** One range at a time: the digest of the blob is computed after each that differed. */
  #takeCompared(now: number): Assignment | undefined {
    const next = this.repair?.next;
    if (!next || this.assignments.size > 0 || this.sealing) return undefined;
    const end = this.single ? this.blob.size : next.end;
    return this.#add({ start: next.start, end }, now, true);
  }

  #add({ start, end }: Range, now: number, comparing = false): Assignment {
    const assignment: Assignment = {
      plan: this,
      start,
      position: start,
      end,
      since: now,
      comparing,
      abort: undefined,
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
