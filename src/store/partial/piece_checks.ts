/**
 * Compares parts of an unfinished blob with digests of their own: those the registry has for its chunks, and those a
 * checkpoint has for what an earlier run wrote. The hash of the whole blob does not pass a part before that.
 */

import type { Digest } from "../../core/digest.ts";
import type { Chunk, Range } from "../../core/ranges.ts";
import type { Hasher, HashRun } from "../../io/hash.ts";
import { ChunkTrust } from "./chunk_trust.ts";
import { digestUpTo } from "./digest_up_to.ts";

/** Told of the results. */
export interface PieceCheckEvents {
  /** A part matches, or needs no comparison any longer. */
  readonly passed: () => void;
  /** The bytes of `range` are not those of its digest. */
  readonly failed: (range: Range, reason: string) => void;
  /** The registry's chunk digests are wrong; they are no longer compared. */
  readonly distrusted: () => void;
}

export class PieceChecks {
  /** Chunks with a digest of the registry that were not compared yet. */
  #unchecked: Chunk[] = [];
  #comparing = new Set<Chunk>();
  #passed = new Set<Chunk>();
  #trust = new ChunkTrust();
  /** Ranges of an earlier run that were not compared yet. */
  #claimed = new Set<Range>();
  #tasks = new Set<Promise<void>>();
  #runs = new Set<HashRun>();
  #failure: unknown;
  #closed = false;

  constructor(
    private readonly hasher: Hasher,
    private readonly path: string,
    private readonly events: PieceCheckEvents,
  ) {}

  /** The offset of the first part that was not compared yet; Infinity: none. */
  get first(): number {
    let first = this.#unchecked[0]?.start ?? Infinity;
    for (const { start } of this.#claimed) first = Math.min(first, start);
    return first;
  }

  /**
   * The chunks of the blob. They are compared once they are complete in `have`, except those that were compared
   * before, or are complete in `kept`: an earlier run has verified these.
   */
  setChunks(chunks: readonly Chunk[], have: readonly Range[], kept: readonly Range[]): void {
    const complete = new Set(wholeIn(chunks, have));
    const verified = new Set(wholeIn(chunks, kept));
    const isKnown = (chunk: Chunk) =>
      complete.has(chunk) && (this.#passed.has(chunk) || verified.has(chunk));
    this.#unchecked = this.#trust.lost
      ? []
      : chunks.filter((chunk) => chunk.digest !== undefined && !isKnown(chunk));
    this.check(() => have);
  }

  /** Compares the chunks that are complete in `have`. */
  check(have: () => readonly Range[]): void {
    if (this.#unchecked.length === 0) return;
    for (const chunk of wholeIn(this.#unchecked, have())) {
      const { digest } = chunk;
      if (digest === undefined || this.#comparing.has(chunk)) continue;
      this.#comparing.add(chunk);
      this.track(this.#compare(chunk, digest));
    }
  }

  /** Compares ranges of an earlier run, one after another: each takes an open file. */
  checkClaimed(ranges: readonly Required<Chunk>[]): void {
    const sorted = ranges.toSorted((a, b) => a.start - b.start);
    for (const range of sorted) this.#claimed.add(range);
    this.track(this.#compareClaimed(sorted));
  }

  /** Waits for `task` in `settle` as well; its failure is kept until then. */
  track(task: Promise<void>): void {
    const tracked = task.catch((error) => {
      this.#failure ??= error;
    }).finally(() => this.#tasks.delete(tracked));
    this.#tasks.add(tracked);
  }

  /** Whether comparisons are under way. */
  get pending(): boolean {
    return this.#tasks.size > 0;
  }

  /** Resolves when no comparison is under way. Rejects if one of them could not read the file. */
  async settle(): Promise<void> {
    while (this.pending) await Promise.all(this.#tasks);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Ends comparisons that are under way without a result. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#runs].map((run) => run.close()));
    await Promise.allSettled(this.#tasks);
  }

  async #compareClaimed(ranges: readonly Required<Chunk>[]): Promise<void> {
    for (const range of ranges) {
      const matches = await this.#digestOf(range) === range.digest;
      if (this.#closed) return;
      this.#claimed.delete(range);
      if (!matches) this.events.failed(range, "the bytes on disk do not match the checkpoint");
      this.events.passed();
    }
  }

  async #compare(chunk: Chunk, digest: Digest): Promise<void> {
    const actual = await this.#digestOf(chunk);
    this.#comparing.delete(chunk);
    if (this.#closed || this.#trust.lost) return;
    if (actual === digest) {
      this.#passed.add(chunk);
      // It is near the beginning of what may be a million chunks.
      const at = this.#unchecked.indexOf(chunk);
      if (at >= 0) this.#unchecked.splice(at, 1);
    } else if (!this.#trust.isLostAfter(chunk.start, actual)) {
      this.events.failed(chunk, "digest mismatch of a chunk");
    } else {
      this.#unchecked = [];
      this.events.distrusted();
    }
    this.events.passed();
  }

  /** Undefined where the file ends before, or the disk cannot read it. */
  async #digestOf({ start, end }: Range): Promise<Digest | undefined> {
    const run = this.hasher.follow(this.path, start);
    this.#runs.add(run);
    try {
      return await digestUpTo(run, end);
    } finally {
      await run.close();
      this.#runs.delete(run);
    }
  }
}

/**
 * The chunks that lie within one of `ranges`. Both are sorted, and ranges do not touch. Chunks after the last range are
 * not looked at: there may be very many.
 */
function* wholeIn(chunks: readonly Chunk[], ranges: readonly Range[]): Generator<Chunk> {
  let r = 0;
  for (const chunk of chunks) {
    while (r < ranges.length && ranges[r]!.end <= chunk.start) r++;
    const range = ranges[r];
    if (!range) return;
    if (range.start <= chunk.start && chunk.end <= range.end) yield chunk;
  }
}
