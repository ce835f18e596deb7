/** One connection at work: attempts at a range until it is here, or the patience is used up. */

import { asPullamaError, PullamaError } from "../core/errors.ts";
import type { Emit } from "../core/events.ts";
import type { Descriptor } from "../core/manifest.ts";
import type { ModelName } from "../core/name.ts";
import type { Range } from "../core/ranges.ts";
import { formatDuration } from "../core/units.ts";
import { type ByteReader, byteReader } from "../io/bytes.ts";
import type { RateLimit } from "../io/limit.ts";
import type { StallWatch } from "../io/stall.ts";
import type { Clock } from "./clock.ts";
import { Gathering, type Memory, Stream } from "./flow.ts";
import type { Body, Source } from "./ports.ts";
import { Patience, type RetryPolicy } from "./retry.ts";
import type { Job } from "./work.ts";

export interface ConnectionTools {
  readonly source: Source;
  readonly name: ModelName;
  readonly clock: Clock;
  readonly policy: RetryPolicy;
  readonly watch: StallWatch;
  readonly limit: RateLimit | undefined;
  /** Longest one attempt may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Ends everything. */
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** Bytes of blobs that came over the network, whatever became of them. */
  readonly fetched: (count: number) => void;
  /** Of this connection alone; without it each range has its own. */
  readonly memory?: Memory;
}

/** Why a connection lets go of its range without having failed: the server takes one at a time. */
const YIELD = new PullamaError("protocol", "another connection fetches the rest of this blob");

/** How long the server has asked everybody to leave it alone. */
export class Pause {
  #until = -Infinity;

  constructor(private readonly clock: Clock) {}

  asked(ms: number): void {
    this.#until = Math.max(this.#until, this.clock.now() + ms);
  }

  async over(signal: AbortSignal): Promise<void> {
    while (this.clock.now() < this.#until) {
      await this.clock.sleep(this.#until - this.clock.now(), signal);
    }
  }
}

/** Makes attempts until one succeeds. `attempt` tells how many bytes it brought before it failed. */
export async function withPatience<T>(
  tools: Pick<ConnectionTools, "clock" | "policy" | "signal" | "emit">,
  pause: Pause,
  what: { readonly digest: Descriptor["digest"] | undefined; readonly wanted: number },
  attempt: (brought: (bytes: number) => void) => Promise<T>,
): Promise<T> {
  const patience = new Patience(tools.policy, tools.clock);
  for (;;) {
    tools.signal.throwIfAborted();
    await pause.over(tools.signal);
    let bytes = 0;
    try {
      return await attempt((count) => bytes += count);
    } catch (caught) {
      tools.signal.throwIfAborted();
      const error = asPullamaError(caught);
      if (error === YIELD) throw error;
      const again = patience.after(error, bytes, what.wanted);
      if (error.retryAfterMs !== undefined) pause.asked(error.retryAfterMs);
      tools.emit({ event: "retry", digest: what.digest, ...again, error });
      await tools.clock.sleep(again.waitMs, tools.signal);
    }
  }
}

/** Fetches the range of `job`, and on a server that sends only whole blobs all that follows. */
export async function fetchJob(tools: ConnectionTools, pause: Pause, job: Job): Promise<void> {
  const { work } = job;
  const what = { digest: work.blob.digest, wanted: job.end - job.start };
  tools.emit({
    event: "chunk_start",
    digest: work.blob.digest,
    range: { start: job.start, end: job.end },
  });
  try {
    await withPatience(tools, pause, what, async (brought) => {
      while (job.position < job.end) {
        const from = job.position;
        try {
          await attemptJob(tools, job);
        } finally {
          brought(job.position - from);
        }
      }
    });
  } catch (error) {
    if (error !== YIELD) throw error;
  } finally {
    work.leave(job);
  }
}

/** Fetches a small blob whole; what an attempt brought before it failed is not asked for again. */
export async function fetchWhole(
  tools: ConnectionTools,
  pause: Pause,
  blob: Descriptor,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(blob.size);
  let have = 0;
  await withPatience(tools, pause, { digest: blob.digest, wanted: blob.size }, async (brought) => {
    while (have < blob.size) {
      const range = { start: have, end: blob.size };
      await withBody(tools, blob, range, undefined, async (stream, body) => {
        if (!await stream.skipTo(have)) throw cutShort(stream.position, body.range.end);
        while (have < body.range.end) {
          const piece = await stream.next(body.range.end - have);
          if (!piece) throw cutShort(have, body.range.end);
          bytes.set(piece, have);
          have += piece.length;
          brought(piece.length);
        }
      });
    }
  });
  return bytes;
}

async function attemptJob(tools: ConnectionTools, job: Job): Promise<void> {
  const { work } = job;
  if (work.single && inFlight(job).length > 0) throw YIELD;
  const range = { start: job.position, end: job.end };
  await withBody(tools, work.blob, range, job, async (stream, body) => {
    if (!body.ranged) takeOver(job);
    if (!await stream.skipTo(job.position)) throw cutShort(stream.position, body.range.end);
    await fill(tools, stream, job);
    if (!body.ranged) await fillRest(tools, stream, job);
    const stopped = Math.min(job.end, body.range.end);
    if (job.position < stopped) throw cutShort(job.position, stopped);
  });
}

/** Opens a range, hands its stream to `use`, and leaves the connection fit for the next request. */
async function withBody<T>(
  tools: ConnectionTools,
  blob: Descriptor,
  range: Range,
  job: Job | undefined,
  use: (stream: Stream, body: Body) => Promise<T>,
): Promise<T> {
  const { source, name, signal, watch, limit, timeoutMs } = tools;
  const attempt = new AbortController();
  const relay = () => attempt.abort(signal.reason);
  signal.addEventListener("abort", relay, { once: true });
  if (job) job.abort = (reason) => attempt.abort(reason);
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
    const stream = new Stream(reader, body.range, tools.fetched, tools.memory);
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
    if (job) job.abort = undefined;
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

/** Writes what comes for `job`; whatever arrived is on disk when this returns or throws. */
async function fill(tools: ConnectionTools, stream: Stream, job: Job): Promise<void> {
  const { blob, ingest } = job.work;
  const writer = await ingest.writer(job.position);
  const gathering = new Gathering(writer, tools.clock.now, (count) => {
    tools.emit({ event: "bytes", digest: blob.digest, count });
  });
  try {
    while (job.position < job.end) {
      const bytes = await stream.next(job.end - job.position);
      if (!bytes) break;
      // Somebody may have taken the end of the range while these were on their way.
      const wanted = bytes.subarray(0, Math.max(0, job.end - job.position));
      await gathering.add(wanted);
      job.position += wanted.length;
    }
  } finally {
    try {
      await gathering.flush();
    } finally {
      job.position = writer.position;
      writer.close();
    }
  }
}

/** The server sends the whole blob whatever it is asked for: what else is missing comes in this stream. */
async function fillRest(tools: ConnectionTools, stream: Stream, job: Job): Promise<void> {
  if (job.position < job.end) return;
  for (;;) {
    const next = job.work.takeFrom(stream.position, tools.clock.now());
    if (!next) return;
    try {
      if (!await stream.skipTo(next.start)) throw cutShort(stream.position, next.start);
      await fill(tools, stream, next);
      if (next.position < next.end) throw cutShort(next.position, next.end);
    } finally {
      job.work.leave(next);
    }
  }
}

/** From now on one connection serves this blob, and it is this one. */
function takeOver(job: Job): void {
  job.work.single = true;
  for (const other of inFlight(job)) other.abort?.(YIELD);
}

/** The other ranges of the blob that somebody is asking for at this moment. */
function inFlight(job: Job): Job[] {
  return [...job.work.jobs].filter((other) => other !== job && other.abort !== undefined);
}

function cutShort(position: number, end: number): PullamaError {
  return new PullamaError(
    "network",
    `the connection was closed ${end - position} bytes before the end of what was asked for`,
    { hint: "check the network connection" },
  );
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
