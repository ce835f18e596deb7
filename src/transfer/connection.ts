/** One connection at work: attempts at a range until it is here, or the patience is used up. */

import { PullamaError } from "../core/errors.ts";
import type { Descriptor } from "../core/manifest.ts";
import { Gathering, type Stream } from "./buffers.ts";
import { type Pause, withPatience, YIELD } from "./retrier.ts";
import { type ConnectionTools, withBody } from "./fetcher.ts";
import type { Job } from "./blob_plan.ts";

/** How often it is told how far a comparison is, in milliseconds. */
const TELL_MS = 500;

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
    tools.emit({
      event: "chunk_end",
      digest: work.blob.digest,
      range: { start: job.start, end: job.position },
    });
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
    // What comes after its end comes in any case.
    if (!body.ranged && job.comparing) job.end = work.blob.size;
    const other = job.comparing ? await compare(tools, stream, job) : undefined;
    if (!job.comparing) await fill(tools, stream, job, other);
    if (!body.ranged) await fillRest(tools, stream, job);
    const stopped = Math.min(job.end, body.range.end);
    if (job.position < stopped) throw cutShort(job.position, stopped);
  });
}

/**
 * Reads on while what comes is what is on disk. What is not the same takes the place of all that is left of
 * the range: then it is returned, and `job` does not compare any more.
 */
async function compare(
  { emit, clock }: ConnectionTools,
  stream: Stream,
  job: Job,
): Promise<Uint8Array | undefined> {
  const { blob, ingest, search } = job.work;
  const { digest, size } = blob;
  const begin = job.position;
  let told = -Infinity;
  try {
    while (job.position < job.end) {
      if (clock.now() - told >= TELL_MS) {
        emit({ event: "verifying", digest, done: job.position, size });
        told = clock.now();
      }
      const bytes = await stream.next(job.end - job.position);
      if (!bytes) return undefined;
      const same = await ingest.matchingPrefix(bytes, job.position);
      job.position += same;
      if (same === bytes.length) continue;
      const rest = { start: job.position, end: job.end };
      const count = await ingest.forget(rest);
      job.comparing = false;
      emit({ event: "bytes_lost", digest, count, reason: "what came again is not the same" });
      return bytes.subarray(same);
    }
    return undefined;
  } finally {
    search?.compared({ start: begin, end: job.comparing ? job.position : job.end }, job.comparing);
    ingest.searched = search?.position ?? 0;
  }
}

/**
 * Writes what comes for `job`, after `first`; whatever arrived is on disk when this returns or throws.
 */
async function fill(
  tools: ConnectionTools,
  stream: Stream,
  job: Job,
  first?: Uint8Array,
): Promise<void> {
  const { blob, ingest } = job.work;
  const writer = await ingest.writer(job.position);
  const gathering = new Gathering(writer, tools.clock.now, (count) => {
    tools.emit({ event: "bytes", digest: blob.digest, count });
  });
  try {
    while (job.position < job.end) {
      const bytes = first ?? await stream.next(job.end - job.position);
      first = undefined;
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
