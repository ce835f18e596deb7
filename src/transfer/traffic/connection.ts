/** One connection at work: downloads one range after another, each with as many attempts as it may have. */

import type { BlobBody } from "../../core/content.ts";
import type { Range } from "../../core/ranges.ts";
import { FollowingController, orAborted } from "../../io/abort.ts";
import type { Assignment } from "../work/blob_plan.ts";
import { type Downloader, YIELD } from "../work/downloader.ts";
import { type BodyReader, ConnectionBuffers, cutShort, WriteBuffer } from "./buffers.ts";
import { compare } from "./comparison.ts";
import type { ConnectionTools } from "./connection_tools.ts";
import { Speed } from "./speed.ts";

export class Connection implements Downloader {
  readonly speed: Speed = new Speed();
  readonly #buffers: ConnectionBuffers;
  #current: Assignment | undefined;

  /** The `number`th of a pull, from 0. */
  constructor(private readonly tools: ConnectionTools, number: number) {
    this.#buffers = new ConnectionBuffers(number);
  }

  /** The range whose bytes it receives. */
  get current(): Assignment | undefined {
    return this.#current;
  }

  get rate(): number {
    return this.speed.rate;
  }

  get quietMs(): number {
    return this.speed.quietMs;
  }

  /** Downloads `first` and what `next` gives after it, each of which `ended` is told of. */
  async run(
    first: Assignment,
    next: () => Assignment | undefined,
    ended: (assignment: Assignment) => void,
  ): Promise<void> {
    this.speed.begin();
    for (let range: Assignment | undefined = first; range; range = next()) {
      this.#current = range;
      try {
        await this.#download(range);
      } finally {
        ended(range);
      }
    }
    this.#current = undefined;
  }

  /** Downloads an assigned range; from a server that sends only whole blobs all that is missing. */
  async #download(assignment: Assignment): Promise<void> {
    const { retrier, refused, context: { emit, signal } } = this.tools;
    const { plan, start, end } = assignment;
    const { digest } = plan.blob;
    using control = new FollowingController(signal);
    assignment.abort = (reason) => control.abort(reason);
    emit({ event: "chunk_start", digest, range: { start, end } });
    try {
      const work = { digest, needed: end - start, signal: control.signal, failed: refused };
      await retrier.run(work, async (received) => {
        while (assignment.position < assignment.end) {
          await this.#attempt(assignment, control.signal, received);
        }
      });
    } catch (error) {
      if (error !== YIELD) throw error;
    } finally {
      assignment.abort = undefined;
      plan.leave(assignment);
      const stopped = Math.max(start, assignment.position);
      emit({ event: "chunk_end", digest, range: { start, end: stopped } });
    }
  }

  async #attempt(
    assignment: Assignment,
    signal: AbortSignal,
    received: (bytes: number) => void,
  ): Promise<void> {
    const { fetcher, responded } = this.tools;
    const { plan, position: start, end } = assignment;
    const request = {
      blob: plan.blob,
      range: { start, end },
      buffers: this.#buffers,
      signal,
      meter: this.speed,
    };
    assignment.requesting = true;
    try {
      const whole = await fetcher.open(request, async (reader, body) => {
        if (body.ranged) plan.ranged ??= true;
        else await this.#takeOver(assignment, signal);
        responded();
        await this.#receive(assignment, reader, body, received);
      });
      if (!whole) plan.ranged = fetcher.sendsRanges(plan.blob);
    } catch (error) {
      received(Math.max(0, assignment.position - start));
      plan.refill(assignment);
      throw error;
    } finally {
      assignment.requesting = false;
    }
    received(Math.max(0, assignment.position - start));
  }

  async #receive(
    assignment: Assignment,
    reader: BodyReader,
    body: BlobBody,
    received: (bytes: number) => void,
  ): Promise<void> {
    const { plan } = assignment;
    if (!body.ranged && !assignment.comparing) {
      return await this.#fillRest(assignment, reader, received);
    }
    if (assignment.repeats) await this.#overtake(assignment, reader, body);
    if (!await reader.skipTo(assignment.position)) {
      throw cutShort(reader.position, body.range.end);
    }
    // A whole body continues after the range anyway.
    if (!body.ranged) assignment.end = plan.blob.size;
    const { context, fetcher } = this.tools;
    const differs = (at: Range) => void fetcher.forgetAddress(plan.blob, at);
    const other = assignment.comparing
      ? await compare(assignment, reader, context, differs)
      : undefined;
    if (!assignment.comparing) await this.#fill(assignment, reader, other);
    if (!body.ranged) return await this.#fillRest(assignment, reader, received);
    const stopped = Math.min(assignment.end, body.range.end);
    if (assignment.position < stopped) throw cutShort(assignment.position, stopped);
  }

  /** A whole blob is on its way here: from now on no other connection downloads it. */
  async #takeOver(assignment: Assignment, signal: AbortSignal): Promise<void> {
    const { plan } = assignment;
    if (plan.ranged === false && plan.assignments.size > 1) this.#yield(assignment);
    plan.ranged = false;
    await orAborted(plan.leftTo(assignment), signal);
  }

  #yield(assignment: Assignment): never {
    assignment.abort?.(YIELD);
    throw YIELD;
  }

  /** Takes over a range that was asked for again, now that its bytes arrive here. */
  async #overtake(repeat: Assignment, reader: BodyReader, body: BlobBody): Promise<void> {
    if (!await reader.arrived()) throw cutShort(repeat.position, repeat.end);
    const before = repeat.position;
    if (!repeat.plan.overtake(repeat)) this.#yield(repeat);
    this.tools.fetcher.discount(repeat.position - before, body);
  }

  /** Writes `first` and what follows it; all that was received is on disk when this returns or throws. */
  async #fill(assignment: Assignment, reader: BodyReader, first?: Uint8Array): Promise<void> {
    const { blob, ingest } = assignment.plan;
    const { emit, clock } = this.tools.context;
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
        // Before they are written, however long that takes: these bytes are not another connection's any longer.
        assignment.position += kept.length;
        await buffer.add(kept);
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

  /** The server sends the whole blob whatever the request: all that is missing is in this body. */
  async #fillRest(
    assignment: Assignment,
    reader: BodyReader,
    received: (bytes: number) => void,
  ): Promise<void> {
    const { plan } = assignment;
    if (!assignment.comparing) {
      const { position, end } = assignment;
      assignment.end = position;
      plan.putBack({ start: position, end });
    }
    for (;;) {
      const next = plan.takeFrom(reader.position, this);
      if (!next) return;
      try {
        if (!await reader.skipTo(next.start)) throw cutShort(reader.position, next.start);
        await this.#fill(next, reader);
        if (next.position < next.end) throw cutShort(next.position, next.end);
      } finally {
        received(next.position - next.start);
        plan.leave(next);
      }
    }
  }
}
