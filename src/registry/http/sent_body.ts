/** Bodies of requests: streams of a known length, and the time that a server may take with them. */

import { asPullamaError, type PullamaError } from "../../core/errors.ts";

/** The body of a request. It is opened again where the request has to be repeated. */
export interface SentBody {
  /** In bytes. */
  readonly length: number;
  /** A stream of exactly so many bytes. */
  open(): ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** A time limit that stands still while it waits for us, and begins again with each thing that we did. */
export class ResponseTimer implements Disposable {
  #handle: ReturnType<typeof setTimeout> | undefined;
  #disposed = false;

  /** `expired` gets the milliseconds that have passed. */
  constructor(limitMs: number, private readonly expired: (limitMs: number) => void) {
    this.restart(limitMs);
  }

  restart(limitMs: number): void {
    this.stop();
    // A server may respond before it has read all.
    if (this.#disposed) return;
    this.#handle = setTimeout(() => this.expired(limitMs), limitMs);
  }

  stop(): void {
    clearTimeout(this.#handle);
    this.#handle = undefined;
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.stop();
  }
}

/**
 * A body as fetch takes it. A stream alone would be sent in chunks without a length, which some registries refuse; of a
 * Blob fetch takes length and stream.
 */
export class BodyBlob extends Blob {
  /** Why the body could not be read, which fetch does not tell. */
  failure: PullamaError | undefined;

  /**
   * `timer` runs while the server takes the bytes, `usualMs` for each piece, and `lastMs` after the last one; not while
   * they are read. `failed` is to end the request: fetch may wait for a body that has failed.
   */
  constructor(
    private readonly body: SentBody,
    private readonly timer: ResponseTimer,
    private readonly usualMs: number,
    private readonly lastMs: number,
    private readonly failed: (error: PullamaError) => void,
  ) {
    super();
  }

  override get size(): number {
    return this.body.length;
  }

  override stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const reader = this.body.open().getReader();
    let left = this.body.length;
    let ended = false;
    return new ReadableStream({
      pull: async (controller) => {
        this.timer.stop();
        try {
          const { value, done } = await reader.read();
          if (ended) return;
          left -= value?.length ?? 0;
          this.timer.restart(left > 0 ? this.usualMs : this.lastMs);
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          if (ended) return;
          this.failure = asPullamaError(error);
          controller.error(error);
          this.failed(this.failure);
        }
      },
      async cancel(reason) {
        ended = true;
        await reader.cancel(reason).catch(() => {});
      },
    }, { highWaterMark: 0 });
  }
}
