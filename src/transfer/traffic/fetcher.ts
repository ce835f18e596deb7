/** Requests for bytes of one model's blobs: opened, watched for stalls, rate-limited, and ended in time. */

import type { BlobBody, Source } from "../../core/content.ts";
import { PullamaError } from "../../core/errors.ts";
import type { Descriptor, Manifest } from "../../core/manifest.ts";
import type { ModelName } from "../../core/name.ts";
import type { Chunk, Range } from "../../core/ranges.ts";
import { formatDuration } from "../../core/units.ts";
import { FollowingController, onAbort } from "../../io/abort.ts";
import { type ByteReader, byteReader } from "../../io/byte_reader.ts";
import type { RateLimit } from "../../io/limit.ts";
import { type Stall, stallError, type StallWatch } from "../../io/stall.ts";
import { BodyReader, type ConnectionBuffers } from "./buffers.ts";
import type { PullContext } from "../context.ts";
import { failureOf } from "../sources/failure.ts";
import type { Speed } from "./speed.ts";

export interface FetcherOptions {
  readonly source: Source;
  readonly name: ModelName;
  readonly watch: StallWatch;
  /** Shared by all connections. */
  readonly limit: RateLimit;
  /** Longest time of one request for a range, in milliseconds. */
  readonly timeoutMs: number;
}

/** One request for a range. */
export interface FetchRequest {
  readonly blob: Descriptor;
  readonly range: Range;
  readonly buffers: ConnectionBuffers;
  /** Ends the request and its body. */
  readonly signal: AbortSignal;
  readonly meter: Meter;
}

/** What a request counts, and says of itself. */
export type Meter = Pick<Speed, "received" | "waiting">;

export class Fetcher {
  #received = 0;
  readonly #from = new Map<string, number>();
  /** Until the manifest has been fetched, which shows more, a usual one. */
  #roundTripMs = 100;

  constructor(private readonly options: FetcherOptions, private readonly context: PullContext) {}

  /** Bytes per second over all connections; undefined: no limit. */
  get limitRate(): number | undefined {
    return this.options.limit.rate;
  }

  /** Bytes of blobs that were received over the network, whether they were kept or not. */
  get received(): number {
    return this.#received;
  }

  /** The same bytes by source, where there are several. */
  get receivedFrom(): ReadonlyMap<string, number> {
    return this.#from;
  }

  /** The bytes of this body arrived on another connection as well: they count once. */
  discount(bytes: number, body: BlobBody): void {
    this.#count(-bytes, body);
  }

  #count(bytes: number, { from }: BlobBody): void {
    this.#received += bytes;
    if (from !== undefined) this.#from.set(from, (this.#from.get(from) ?? 0) + bytes);
  }

  /** The shortest time from a request to its response so far, in milliseconds. */
  get roundTripMs(): number {
    return this.#roundTripMs;
  }

  async manifest(): Promise<Manifest> {
    const asked = performance.now();
    const manifest = await this.options.source.manifest(this.options.name, this.context.signal);
    // It takes at least one more, for the connection.
    this.#roundTripMs = (performance.now() - asked) / 2;
    return manifest;
  }

  /** The registry's own chunks; undefined: it has none, or `signal` was aborted. */
  async chunksums(blob: Descriptor, signal: AbortSignal): Promise<readonly Chunk[] | undefined> {
    using control = new FollowingController(this.context.signal);
    using _ended = onAbort(signal, () => control.abort());
    try {
      return await this.options.source.chunksums(this.options.name, blob, control.signal);
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  }

  /** Whether its server sends parts of the blob, as far as that is known. */
  sendsRanges(blob: Descriptor): boolean | undefined {
    return this.options.source.sendsRanges(this.options.name, blob);
  }

  /** Bytes were wrong: as `BlobSource.forgetAddress`. */
  forgetAddress(blob: Descriptor, range?: Range): readonly Range[] {
    return this.options.source.forgetAddress(this.options.name, blob, range);
  }

  /**
   * Opens a range, passes its body to `use`, and leaves the connection ready for the next request. False: the body broke
   * off, and another source sends what is missing, if it is requested now.
   */
  async open(
    { blob, range, buffers, signal, meter }: FetchRequest,
    use: (reader: BodyReader, body: BlobBody) => Promise<void>,
  ): Promise<boolean> {
    const { source, name, watch, limit, timeoutMs } = this.options;
    using attempt = new FollowingController(signal);
    let timer: ReturnType<typeof setTimeout> | undefined;
    try {
      await limit.turn(signal);
      meter.waiting = true;
      const asked = performance.now();
      const body = await source.open(name, blob, range, attempt.signal);
      meter.waiting = false;
      const { left } = body;
      using _left = left && onAbort(left, () => attempt.abort(left.reason));
      this.#roundTripMs = Math.min(this.#roundTripMs, performance.now() - asked);
      if (body.ranged) timer = setTimeout(() => attempt.abort(tooLong(timeoutMs)), timeoutMs);
      let stall: Stall | undefined;
      const watched = watch.over(endedBy(attempt.signal, byteReader(body.stream), meter), (how) => {
        stall = how;
        attempt.abort(stallError(how));
      });
      const limited = limit.through(watched, attempt.signal);
      const count = (bytes: number) => {
        this.#count(bytes, body);
        meter.received += bytes;
      };
      const reader = new BodyReader(limited, body.range, count, buffers);
      try {
        attempt.signal.throwIfAborted();
        await use(reader, body);
        // Only a body that was read to its end frees its connection; all its bytes are here anyway.
        if (reader.position === body.range.end) await reader.next(0).catch(() => {});
        body.ended?.(reader.position);
        return true;
      } catch (error) {
        if (stall) this.context.emit({ event: "stall", digest: blob.digest, ...stall });
        if (body.ended?.(reader.position, failureOf(error, signal))) return false;
        throw error;
      } finally {
        await limited.cancel();
      }
    } finally {
      meter.waiting = false;
      clearTimeout(timer);
    }
  }
}

/**
 * `reader`, whose reads end when `signal` is aborted. The runtime does that only until the response, of
 * which nothing but the body is kept, is garbage-collected: after that the abort has no effect.
 */
function endedBy(signal: AbortSignal, reader: ByteReader, meter: Meter): ByteReader {
  const listener = onAbort(signal, () => void reader.cancel());
  return {
    async read(buffer) {
      signal.throwIfAborted();
      meter.waiting = true;
      const piece = await reader.read(buffer);
      meter.waiting = false;
      if (piece.done) signal.throwIfAborted();
      return piece;
    },
    async cancel() {
      listener[Symbol.dispose]();
      await reader.cancel();
    },
  };
}

function tooLong(timeoutMs: number): PullamaError {
  return new PullamaError(
    "timeout",
    `one request took longer than ${formatDuration(timeoutMs)}`,
    {
      hint: "on a slow network use a longer --timeout or a smaller --chunk-size",
    },
  );
}
