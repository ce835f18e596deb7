/** One connection at work: downloads one range after another, each with as many attempts as it may have. */

import type { BlobBody } from "../core/content.ts";
import { PullamaError } from "../core/errors.ts";
import type { Descriptor } from "../core/manifest.ts";
import type { Assignment } from "./blob_plan.ts";
import { type BodyReader, ConnectionBuffers, WriteBuffer } from "./buffers.ts";
import type { PullContext } from "./context.ts";
import type { Fetcher } from "./fetcher.ts";
import { type Retrier, YIELD } from "./retrier.ts";

/** How often the progress of a comparison is reported, in milliseconds. */
const REPORT_EVERY = 500;

export class Connection {
  readonly #buffers = new ConnectionBuffers();

  constructor(
    private readonly fetcher: Fetcher,
    private readonly retrier: Retrier,
    private readonly context: PullContext,
  ) {}

  /** Downloads an assigned range; from a server that sends only whole blobs also what follows it. */
  async download(assignment: Assignment): Promise<void> {
    const { emit } = this.context;
    const { plan, start, end } = assignment;
    const { digest } = plan.blob;
    emit({ event: "chunk_start", digest, range: { start, end } });
    try {
      await this.retrier.run({ digest, needed: end - start }, async (received) => {
        while (assignment.position < assignment.end) {
          const from = assignment.position;
          try {
            await this.#attempt(assignment);
          } finally {
            received(assignment.position - from);
          }
        }
      });
    } catch (error) {
      if (error !== YIELD) throw error;
    } finally {
      plan.leave(assignment);
      emit({ event: "chunk_end", digest, range: { start, end: assignment.position } });
    }
  }

  /** Downloads a small blob into memory; bytes that a failed attempt received are not requested again. */
  async downloadSmall(blob: Descriptor): Promise<Uint8Array> {
    const bytes = new Uint8Array(blob.size);
    let have = 0;
    await this.retrier.run({ digest: blob.digest, needed: blob.size }, async (received) => {
      while (have < blob.size) {
        const range = { start: have, end: blob.size };
        await this.fetcher.open({ blob, range, buffers: this.#buffers }, async (reader, body) => {
          if (!await reader.skipTo(have)) throw cutShort(reader.position, body.range.end);
          while (have < body.range.end) {
            const piece = await reader.next(body.range.end - have);
            if (!piece) throw cutShort(have, body.range.end);
            bytes.set(piece, have);
            have += piece.length;
            received(piece.length);
          }
        });
      }
    });
    return bytes;
  }

  async #attempt(assignment: Assignment): Promise<void> {
    const { plan, position, end } = assignment;
    if (plan.single && inFlight(assignment).length > 0) throw YIELD;
    const request = {
      blob: plan.blob,
      range: { start: position, end },
      buffers: this.#buffers,
      abortable: (abort: Assignment["abort"]) => {
        assignment.abort = abort;
      },
    };
    await this.fetcher.open(request, (reader, body) => this.#receive(assignment, reader, body));
  }

  async #receive(assignment: Assignment, reader: BodyReader, body: BlobBody): Promise<void> {
    const { plan } = assignment;
    if (!body.ranged) takeOver(assignment);
    if (!await reader.skipTo(assignment.position)) {
      throw cutShort(reader.position, body.range.end);
    }
    // A whole body continues after the range anyway.
    if (!body.ranged && assignment.comparing) assignment.end = plan.blob.size;
    const other = assignment.comparing ? await this.#compare(assignment, reader) : undefined;
    if (!assignment.comparing) await this.#fill(assignment, reader, other);
    if (!body.ranged) await this.#fillRest(assignment, reader);
    const stopped = Math.min(assignment.end, body.range.end);
    if (assignment.position < stopped) throw cutShort(assignment.position, stopped);
  }

  /**
   * Reads on while the bytes received equal those on disk. At the first difference the rest of the range is
   * discarded and replaced: the differing bytes are returned, and `assignment` no longer compares.
   */
  async #compare(
    assignment: Assignment,
    reader: BodyReader,
  ): Promise<Uint8Array | undefined> {
    const { emit, clock } = this.context;
    const { blob, ingest, repair } = assignment.plan;
    const { digest, size } = blob;
    const begin = assignment.position;
    let reportedAt = -Infinity;
    try {
      while (assignment.position < assignment.end) {
        if (clock.now() - reportedAt >= REPORT_EVERY) {
          emit({ event: "verifying", digest, done: assignment.position, size });
          reportedAt = clock.now();
        }
        const bytes = await reader.next(assignment.end - assignment.position);
        if (!bytes) return undefined;
        const same = await ingest.matchingPrefix(bytes, assignment.position);
        assignment.position += same;
        if (same === bytes.length) continue;
        const rest = { start: assignment.position, end: assignment.end };
        const count = await ingest.forget(rest);
        assignment.comparing = false;
        emit({ event: "bytes_lost", digest, count, reason: "a second download differs" });
        return bytes.subarray(same);
      }
      return undefined;
    } finally {
      const { comparing, position, end } = assignment;
      repair?.compared({ start: begin, end: comparing ? position : end }, comparing);
      ingest.searched = repair?.position ?? 0;
    }
  }

  /** Writes `first` and what follows it; all that was received is on disk when this returns or throws. */
  async #fill(assignment: Assignment, reader: BodyReader, first?: Uint8Array): Promise<void> {
    const { blob, ingest } = assignment.plan;
    const { emit, clock } = this.context;
    const writer = await ingest.writer(assignment.position);
    const buffer = new WriteBuffer(
      writer,
      clock.now,
      (count) => emit({ event: "bytes", digest: blob.digest, count }),
      this.#buffers,
    );
    try {
      while (assignment.position < assignment.end) {
        const bytes = first ?? await reader.next(assignment.end - assignment.position);
        first = undefined;
        if (!bytes) break;
        // Another connection may have taken the end of the range meanwhile.
        const kept = bytes.subarray(0, Math.max(0, assignment.end - assignment.position));
        await buffer.add(kept);
        assignment.position += kept.length;
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

  /** The server sends the whole blob whatever the request: everything else that is missing is in this body. */
  async #fillRest(assignment: Assignment, reader: BodyReader): Promise<void> {
    if (assignment.position < assignment.end) return;
    const { plan } = assignment;
    for (;;) {
      const next = plan.takeFrom(reader.position, this.context.clock.now());
      if (!next) return;
      try {
        if (!await reader.skipTo(next.start)) throw cutShort(reader.position, next.start);
        await this.#fill(next, reader);
        if (next.position < next.end) throw cutShort(next.position, next.end);
      } finally {
        plan.leave(next);
      }
    }
  }
}

/** From now on one connection downloads this blob: this one. */
function takeOver(assignment: Assignment): void {
  assignment.plan.single = true;
  for (const other of inFlight(assignment)) other.abort?.(YIELD);
}

/** The other ranges of the blob with a request under way. */
function inFlight(assignment: Assignment): Assignment[] {
  return [...assignment.plan.assignments].filter((other) =>
    other !== assignment && other.abort !== undefined
  );
}

function cutShort(position: number, end: number): PullamaError {
  return new PullamaError(
    "network",
    `the connection was closed ${end - position} bytes before the end of the response`,
    { hint: "check the network connection" },
  );
}
