/** One request for bytes of a blob: opened, watched, held back, and ended when its time is over. */

import { PullamaError } from "../core/errors.ts";
import type { Descriptor } from "../core/manifest.ts";
import type { ModelName } from "../core/name.ts";
import type { Range } from "../core/ranges.ts";
import { formatDuration } from "../core/units.ts";
import { type ByteReader, byteReader } from "../io/byte_reader.ts";
import type { RateLimit } from "../io/limit.ts";
import type { StallWatch } from "../io/stall.ts";
import { BodyReader, type ConnectionBuffers } from "./buffers.ts";
import type { PatienceTools } from "./retrier.ts";
import type { BlobBody, Source } from "../core/content.ts";
import type { Assignment } from "./blob_plan.ts";

export interface ConnectionTools extends PatienceTools {
  readonly source: Source;
  readonly name: ModelName;
  readonly watch: StallWatch;
  readonly limit: RateLimit | undefined;
  /** Longest one attempt may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Bytes of blobs that came over the network, whatever became of them. */
  readonly fetched: (count: number) => void;
  /** Of this connection alone; without it each range has its own. */
  readonly memory?: ConnectionBuffers;
}

/** Opens a range, hands its stream to `use`, and leaves the connection fit for the next request. */
export async function withBody<T>(
  tools: ConnectionTools,
  blob: Descriptor,
  range: Range,
  assignment: Assignment | undefined,
  use: (stream: BodyReader, body: BlobBody) => Promise<T>,
): Promise<T> {
  const { source, name, signal, watch, limit, timeoutMs } = tools;
  const attempt = new AbortController();
  const relay = () => attempt.abort(signal.reason);
  signal.addEventListener("abort", relay, { once: true });
  if (assignment) assignment.abort = (reason) => attempt.abort(reason);
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    const body = await source.open(name, blob, range, attempt.signal);
    if (body.ranged) timer = setTimeout(() => attempt.abort(tooLong(timeoutMs)), timeoutMs);
    const bytes = endedBy(attempt.signal, byteReader(body.stream));
    let silentMs: number | undefined;
    const watched = watch.over(bytes, (ms) => {
      silentMs = ms;
      attempt.abort(stalled(ms));
    });
    const reader = limit ? limit.through(watched, attempt.signal) : watched;
    const stream = new BodyReader(reader, body.range, tools.fetched, tools.memory);
    try {
      // Another connection may have taken over while this answer was on its way.
      attempt.signal.throwIfAborted();
      const result = await use(stream, body);
      // Only a body that was read to its end gives its connection back; all of it is here in any case.
      if (stream.position === body.range.end) await stream.next(0).catch(() => {});
      return result;
    } catch (error) {
      if (silentMs !== undefined) tools.emit({ event: "stall", digest: blob.digest, silentMs });
      throw error;
    } finally {
      await reader.cancel();
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", relay);
    if (assignment) assignment.abort = undefined;
  }
}

/**
 * `reader`, whose reads end when `signal` is aborted. The runtime does that only until the response, of
 * which nothing but the body is kept, is collected as garbage: from then on nobody hears of the abort.
 */
function endedBy(signal: AbortSignal, reader: ByteReader): ByteReader {
  signal.addEventListener("abort", () => reader.cancel(), { once: true });
  return {
    async read(buffer) {
      signal.throwIfAborted();
      const piece = await reader.read(buffer);
      if (piece.done) signal.throwIfAborted();
      return piece;
    },
    cancel: () => reader.cancel(),
  };
}

function stalled(silentMs: number): PullamaError {
  return new PullamaError("timeout", `nothing arrived for ${formatDuration(silentMs)}`, {
    hint: "check the network connection",
  });
}

function tooLong(timeoutMs: number): PullamaError {
  return new PullamaError(
    "timeout",
    `one attempt took longer than ${formatDuration(timeoutMs)}`,
    {
      hint: "on a slow line give it more time with --timeout, or smaller pieces with --chunk-size",
    },
  );
}
