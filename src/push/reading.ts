/** Reads ranges of a blob, across failures of the source. */

import { asPullamaError, PullamaError } from "../core/errors.ts";
import { shortId } from "../core/digest.ts";
import type { Descriptor } from "../core/manifest.ts";
import type { ModelName } from "../core/name.ts";
import type { Range } from "../core/ranges.ts";
import { FollowingController } from "../io/abort.ts";
import { byteReader } from "../io/byte_reader.ts";
import { stallError, StallWatch } from "../io/stall.ts";
import type { RunningHash } from "../io/streams/running_hash.ts";
import { Backoff } from "../transfer/retry/backoff.ts";
import { failureOf } from "../transfer/sources/failure.ts";
import type { PushContext } from "./context.ts";

/** Bytes of one read: each is memory of its own, which the runtime is slow to free. */
const PIECE = 64 * 1024;

export type Bytes = Uint8Array<ArrayBuffer>;

/** One blob that is read in order, and hashed meanwhile. */
export class BlobReading {
  /** Counts what reads: a stream whose request is over may still be read from. */
  #turn = 0;

  constructor(
    private readonly context: PushContext,
    private readonly name: ModelName,
    private readonly blob: Descriptor,
    readonly hash: RunningHash,
    private readonly signal: AbortSignal,
  ) {}

  /** Hashes what is before `position` and was not hashed yet. */
  async hashUpTo(position: number): Promise<void> {
    this.leave();
    this.hash.rewind(position);
    const range = { start: this.hash.position, end: position };
    if (range.start < range.end) {
      for await (const piece of this.#bytes(range, false)) {
        this.hash.update(piece);
        this.hash.settle(this.hash.position);
      }
    }
    this.hash.mark();
    this.hash.settle(position);
  }

  /**
   * The bytes of a range at whose beginning the hash has been, as often as it is called; `passed` is told how many each
   * time.
   */
  stream({ start, end }: Range, passed: (count: number) => void): ReadableStream<Bytes> {
    this.hash.rewind(start);
    return this.#stream(this.#bytes({ start, end }, true), (piece) => {
      this.hash.update(piece);
      passed(piece.length);
    });
  }

  /** The same of pieces that were read before; they are not hashed again. */
  replay(pieces: readonly Bytes[], passed: (count: number) => void): ReadableStream<Bytes> {
    return this.#stream(pieces, (piece) => passed(piece.length));
  }

  /** Ends the stream of a request that is over: after an early response the rest would still be sent. */
  leave(): void {
    this.#turn++;
  }

  #stream(
    pieces: AsyncIterable<Bytes> | Iterable<Bytes>,
    passed: (piece: Bytes) => void,
  ): ReadableStream<Bytes> {
    return ReadableStream.from(this.#inTurn(pieces, passed, ++this.#turn));
  }

  async *#inTurn(
    pieces: AsyncIterable<Bytes> | Iterable<Bytes>,
    passed: (piece: Bytes) => void,
    turn: number,
  ): AsyncGenerator<Bytes> {
    for await (const piece of pieces) {
      if (turn !== this.#turn) return;
      passed(piece);
      yield piece;
    }
  }

  /** All bytes of a range. What a source that breaks off has not sent is requested again. */
  async *#bytes(range: Range, limited: boolean): AsyncGenerator<Bytes> {
    const { source, settings, clock, emit } = this.context;
    const backoff = new Backoff(settings, clock);
    for (let at = range.start; at < range.end;) {
      const before = at;
      try {
        for await (const piece of this.#attempt({ start: at, end: range.end }, limited)) {
          at += piece.length;
          yield piece;
        }
      } catch (caught) {
        this.signal.throwIfAborted();
        const error = asPullamaError(caught);
        if (!source.isRemote) throw error;
        const { digest, size } = this.blob;
        const delay = backoff.after(error, at - before, size, true);
        emit({ event: "retry", digest, ...delay, error });
        await clock.sleep(delay.waitMs, this.signal);
      }
    }
  }

  async *#attempt({ start, end }: Range, limited: boolean): AsyncGenerator<Bytes> {
    const { source, limit } = this.context;
    using attempt = new FollowingController(this.signal);
    const { signal } = attempt;
    const body = await source.open(this.name, this.blob, { start, end }, signal);
    const watched = new StallWatch().over(byteReader(body.stream), (stall) => {
      attempt.abort(stallError(stall));
    });
    const reader = limited ? limit.through(watched, signal) : watched;
    let position = body.range.start;
    let failure: PullamaError | undefined;
    try {
      while (position < end) {
        signal.throwIfAborted();
        const { value, done } = await reader.read(new Uint8Array(PIECE));
        if (done || !value) break;
        // A source that ignores ranges sends all of the blob.
        const piece = value.subarray(Math.max(0, start - position), end - position);
        position += value.length;
        if (piece.length > 0) yield piece;
      }
      signal.throwIfAborted();
      if (position < end) throw this.#endedAt(position);
    } catch (error) {
      failure = failureOf(error, this.signal);
      throw error;
    } finally {
      await reader.cancel();
      body.ended?.(Math.min(position, end), failure);
    }
  }

  #endedAt(position: number): PullamaError {
    const message = `blob ${
      shortId(this.blob.digest)
    } ended at ${position} of ${this.blob.size} bytes`;
    if (this.context.source.isRemote) return new PullamaError("network", message);
    return new PullamaError("size", message, {
      hint: "it was changed meanwhile: run the same command again",
    });
  }
}
