/** What is left to do of one pull, shared out among its connections. */

import type { BlobRef } from "../core/events.ts";
import type { Descriptor } from "../core/manifest.ts";
import { type Chunk, type Range, subtract, union } from "../core/ranges.ts";
import type { Ingest } from "../core/content.ts";
import type { RepairRounds } from "./repair_rounds.ts";

const MIB = 1024 * 1024;
/** The first pieces of a blob are short, so that the hash of the whole can follow from the start. */
const FIRST_PIECE = 32 * MIB;
/** Pieces get shorter towards the end, so that all connections end together, but not shorter than this. */
const LAST_PIECE = 8 * MIB;
/** A range with less than this left, or done within a second, is not worth sharing. */
const WORTH_SHARING = 2 * MIB;
const WORTH_SHARING_MS = 1000;

/** More ranges than this are plenty, whatever their length: nobody needs to know how many bytes they are. */
const COUNTED = 1024;

/** A range in the hands of one connection. `end` shrinks when another one takes a part of it. */
export interface Assignment {
  readonly plan: BlobPlan;
  readonly start: number;
  position: number;
  end: number;
  readonly since: number;
  /** What comes is compared with what is on disk, as long as it is the same. */
  comparing: boolean;
  /** Ends the attempt in flight; set while there is one. */
  abort: ((reason: unknown) => void) | undefined;
}

/** One large blob: what is being fetched of it and what nobody has in hand. */
export class BlobPlan {
  readonly assignments = new Set<Assignment>();
  #todo: Range[];
  #taken = 0;
  /** Its server sends only whole blobs: one connection at a time. */
  single = false;
  /** A checkpoint of it is being written. */
  saving = false;
  /** Its bytes are all here and are being compared. */
  sealing = false;
  /** Where to look for wrong bytes, once all of it is here and is not what its digest says. */
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

  /** Bytes that nobody has in hand; of very many ranges only the first are counted. */
  get left(): number {
    let sum = 0;
    for (let i = 0; i < Math.min(this.#todo.length, COUNTED); i++) {
      sum += this.#todo[i]!.end - this.#todo[i]!.start;
    }
    return sum;
  }

  /** Nothing is left to fetch or to compare. */
  get done(): boolean {
    return this.#todo.length === 0 && this.assignments.size === 0 &&
      this.repair?.next === undefined;
  }

  /** Bytes are missing after all, or a connection gives back what it did not fetch. */
  putBack(range: Range): void {
    if (range.start < range.end) this.#todo = splitAt(union([...this.#todo, range]), this.chunks);
  }

  /** After bytes were thrown away. What a connection has in hand counts whole: some of it is being written. */
  replan(): void {
    const inHand = union([...this.assignments].map(({ start, end }) => ({ start, end })));
    this.#todo = subtract(this.ingest.plan(this.chunks), inHand);
  }

  /** A range to fetch now; `most` is the fair share of one connection. */
  take(most: number, now: number): Assignment | undefined {
    const range = this.#todo[0];
    if (!range) return this.#takeSearched(now);
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

  /** For a stream that goes on: the next range at or after `position`. */
  takeFrom(position: number, now: number): Assignment | undefined {
    const range = this.#todo.find(({ end }) => end > position);
    if (!range) return undefined;
    const rest = { start: Math.max(range.start, position), end: range.end };
    this.#todo = subtract(this.#todo, [rest]);
    return this.#add(rest, now);
  }

  /** A part of what the slowest connection has in hand; it will stop before. */
  share(now: number): Assignment | undefined {
    if (this.single) return undefined;
    let slowest: Assignment | undefined;
    let longest = WORTH_SHARING_MS;
    for (const assignment of this.assignments) {
      if (assignment.comparing) continue;
      const left = assignment.end - assignment.position;
      const elapsed = now - assignment.since;
      // The first moments of a request say nothing about its rate, and much of it is on the way by then.
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

  /** The connection is through with its range, or gives up on the rest of it. */
  leave(assignment: Assignment): void {
    this.assignments.delete(assignment);
    if (!assignment.comparing) this.putBack({ start: assignment.position, end: assignment.end });
  }

  /** One range at a time: the digest of the whole is tried after each that was not the same. */
  #takeSearched(now: number): Assignment | undefined {
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
