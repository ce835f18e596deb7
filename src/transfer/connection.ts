/** One connection at work: attempts at a range until it is here, or the patience is used up. */

import { PullamaError } from "../core/errors.ts";
import type { Descriptor } from "../core/manifest.ts";
import { type BodyReader, WriteBuffer } from "./buffers.ts";
import { type Pause, withPatience, YIELD } from "./retrier.ts";
import { type ConnectionTools, withBody } from "./fetcher.ts";
import type { Assignment } from "./blob_plan.ts";

/** How often it is told how far a comparison is, in milliseconds. */
const TELL_MS = 500;

/** Fetches the range of `job`, and on a server that sends only whole blobs all that follows. */
export async function fetchJob(
  tools: ConnectionTools,
  pause: Pause,
  assignment: Assignment,
): Promise<void> {
  const { plan } = assignment;
  const what = { digest: plan.blob.digest, needed: assignment.end - assignment.start };
  tools.emit({
    event: "chunk_start",
    digest: plan.blob.digest,
    range: { start: assignment.start, end: assignment.end },
  });
  try {
    await withPatience(tools, pause, what, async (brought) => {
      while (assignment.position < assignment.end) {
        const from = assignment.position;
        try {
          await attemptJob(tools, assignment);
        } finally {
          brought(assignment.position - from);
        }
      }
    });
  } catch (error) {
    if (error !== YIELD) throw error;
  } finally {
    plan.leave(assignment);
    tools.emit({
      event: "chunk_end",
      digest: plan.blob.digest,
      range: { start: assignment.start, end: assignment.position },
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
  await withPatience(tools, pause, { digest: blob.digest, needed: blob.size }, async (brought) => {
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

async function attemptJob(tools: ConnectionTools, assignment: Assignment): Promise<void> {
  const { plan } = assignment;
  if (plan.single && inFlight(assignment).length > 0) throw YIELD;
  const range = { start: assignment.position, end: assignment.end };
  await withBody(tools, plan.blob, range, assignment, async (stream, body) => {
    if (!body.ranged) takeOver(assignment);
    if (!await stream.skipTo(assignment.position)) throw cutShort(stream.position, body.range.end);
    // What comes after its end comes in any case.
    if (!body.ranged && assignment.comparing) assignment.end = plan.blob.size;
    const other = assignment.comparing ? await compare(tools, stream, assignment) : undefined;
    if (!assignment.comparing) await fill(tools, stream, assignment, other);
    if (!body.ranged) await fillRest(tools, stream, assignment);
    const stopped = Math.min(assignment.end, body.range.end);
    if (assignment.position < stopped) throw cutShort(assignment.position, stopped);
  });
}

/**
 * Reads on while what comes is what is on disk. What is not the same takes the place of all that is left of
 * the range: then it is returned, and `job` does not compare any more.
 */
async function compare(
  { emit, clock }: ConnectionTools,
  stream: BodyReader,
  assignment: Assignment,
): Promise<Uint8Array | undefined> {
  const { blob, ingest, repair } = assignment.plan;
  const { digest, size } = blob;
  const begin = assignment.position;
  let told = -Infinity;
  try {
    while (assignment.position < assignment.end) {
      if (clock.now() - told >= TELL_MS) {
        emit({ event: "verifying", digest, done: assignment.position, size });
        told = clock.now();
      }
      const bytes = await stream.next(assignment.end - assignment.position);
      if (!bytes) return undefined;
      const same = await ingest.matchingPrefix(bytes, assignment.position);
      assignment.position += same;
      if (same === bytes.length) continue;
      const rest = { start: assignment.position, end: assignment.end };
      const count = await ingest.forget(rest);
      assignment.comparing = false;
      emit({ event: "bytes_lost", digest, count, reason: "what came again is not the same" });
      return bytes.subarray(same);
    }
    return undefined;
  } finally {
    repair?.compared({
      start: begin,
      end: assignment.comparing ? assignment.position : assignment.end,
    }, assignment.comparing);
    ingest.searched = repair?.position ?? 0;
  }
}

/**
 * Writes what comes for `job`, after `first`; whatever arrived is on disk when this returns or throws.
 */
async function fill(
  tools: ConnectionTools,
  stream: BodyReader,
  assignment: Assignment,
  first?: Uint8Array,
): Promise<void> {
  const { blob, ingest } = assignment.plan;
  const writer = await ingest.writer(assignment.position);
  const buffer = new WriteBuffer(writer, tools.clock.now, (count) => {
    tools.emit({ event: "bytes", digest: blob.digest, count });
  });
  try {
    while (assignment.position < assignment.end) {
      const bytes = first ?? await stream.next(assignment.end - assignment.position);
      first = undefined;
      if (!bytes) break;
      // Somebody may have taken the end of the range while these were on their way.
      const needed = bytes.subarray(0, Math.max(0, assignment.end - assignment.position));
      await buffer.add(needed);
      assignment.position += needed.length;
    }
  } finally {
    try {
      await buffer.flush();
    } finally {
      assignment.position = writer.position;
      writer.close();
    }
  }
}

/** The server sends the whole blob whatever it is asked for: what else is missing comes in this stream. */
async function fillRest(
  tools: ConnectionTools,
  stream: BodyReader,
  assignment: Assignment,
): Promise<void> {
  if (assignment.position < assignment.end) return;
  for (;;) {
    const next = assignment.plan.takeFrom(stream.position, tools.clock.now());
    if (!next) return;
    try {
      if (!await stream.skipTo(next.start)) throw cutShort(stream.position, next.start);
      await fill(tools, stream, next);
      if (next.position < next.end) throw cutShort(next.position, next.end);
    } finally {
      assignment.plan.leave(next);
    }
  }
}

/** From now on one connection serves this blob, and it is this one. */
function takeOver(assignment: Assignment): void {
  assignment.plan.single = true;
  for (const other of inFlight(assignment)) other.abort?.(YIELD);
}

/** The other ranges of the blob that somebody is asking for at this moment. */
function inFlight(assignment: Assignment): Assignment[] {
  return [...assignment.plan.assignments].filter((other) =>
    other !== assignment && other.abort !== undefined
  );
}

function cutShort(position: number, end: number): PullamaError {
  return new PullamaError(
    "network",
    `the connection was closed ${end - position} bytes before the end of what was asked for`,
    { hint: "check the network connection" },
  );
}
