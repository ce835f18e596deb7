/** Writing to stdout and stderr in the background: a pipe that is not read blocks nothing else. */

/** Bytes that every pipe accepts as a whole or not at all, and the least that Deno buffers. */
const PIECE = 512;
/** Milliseconds between attempts to write to a non-blocking stream that is full. */
const RETRY_MS = 5;
/** Milliseconds that text waits for earlier text of another stream. */
const ORDER_MS = 100;
const LINE_FEED = 10;
const NOTHING = new Uint8Array();

export interface Stream {
  write(bytes: Uint8Array): Promise<number>;
  isTerminal(): boolean;
}

/** Consecutive texts for one stream. */
interface Chunk {
  readonly texts: Uint8Array[];
  /** Settles when the earlier text of another stream is written. */
  readonly after: Promise<void> | undefined;
  /** In one write rather than in pieces. */
  whole: boolean;
  started: boolean;
  readonly written: PromiseWithResolvers<void>;
}

/**
 * The newest text of several streams, which may be the same terminal: each writes its text after
 * the earlier text of the others, unless one of those is blocked.
 */
export interface Sequence {
  newest: Chunk | undefined;
}

/**
 * The text on its way to `stream`. Once the stream fails, such as a pipe whose reader has gone away,
 * text is discarded.
 *
 * `lineBuffered`: a write that would block has still buffered the bytes after the last line feed,
 * and an empty write flushes them; Deno does this for stdout. How many of the bytes before that
 * line feed were written is unknown, so a piece has a single line feed at its end or none.
 */
export class Writer {
  /** Bytes that are not written yet. */
  pending = 0;
  /** Why the stream failed, except that its reader or its terminal has gone away. */
  failure: unknown;
  readonly #encoder = new TextEncoder();
  readonly #isTerminal: boolean;
  readonly #queue: Chunk[] = [];
  #gone = false;
  #closed = false;

  constructor(
    private readonly stream: Stream,
    private readonly sequence: Sequence,
    private readonly lineBuffered: boolean,
  ) {
    this.#isTerminal = stream.isTerminal();
  }

  /** `whole`: in one write, if nothing else is pending. */
  add(text: string, whole: boolean): void {
    if (this.#gone || this.#closed) return;
    const bytes = this.#encoder.encode(text);
    const idle = this.pending === 0;
    this.pending += bytes.length;
    const last = this.#queue.at(-1);
    if (last !== undefined && last === this.sequence.newest && !last.started) {
      last.texts.push(bytes);
      last.whole = false;
      return;
    }
    const chunk: Chunk = {
      texts: [bytes],
      after: this.sequence.newest?.written.promise,
      whole: whole && idle,
      started: false,
      written: Promise.withResolvers(),
    };
    this.sequence.newest = chunk;
    if (this.#queue.push(chunk) === 1) this.#drain();
  }

  /** Discards text from now on. */
  close(): void {
    this.#closed = true;
  }

  /** Resolves when all text is written or discarded. */
  async written(): Promise<void> {
    await this.#queue.at(-1)?.written.promise;
  }

  async #drain(): Promise<void> {
    for (let chunk = this.#queue[0]; chunk !== undefined; chunk = this.#queue[0]) {
      await settledWithin(chunk.after, ORDER_MS);
      chunk.started = true;
      const bytes = joined(chunk.texts);
      await this.#write(bytes, chunk.whole);
      this.pending -= bytes.length;
      this.#queue.shift();
      if (this.sequence.newest === chunk) this.sequence.newest = undefined;
      chunk.written.resolve();
    }
  }

  async #write(bytes: Uint8Array, whole: boolean): Promise<void> {
    let rest = bytes;
    let inOne = whole;
    let held = false;
    while (!this.#gone && (held || rest.length > 0)) {
      const piece = held ? NOTHING : inOne ? rest : nextPiece(rest, this.#isTerminal);
      inOne = false;
      try {
        rest = rest.subarray(await this.stream.write(piece));
        held = false;
      } catch (error) {
        if (!isBusy(error)) return this.#fail(error);
        if (this.lineBuffered && piece.length <= PIECE && !piece.includes(LINE_FEED)) {
          rest = rest.subarray(piece.length);
        }
        held = this.lineBuffered;
        await pause(RETRY_MS);
      }
    }
  }

  #fail(error: unknown): void {
    this.#gone = true;
    // A terminal fails when its window is closed, which is like a closed pipe.
    if (!this.#isTerminal && !(error instanceof Deno.errors.BrokenPipe)) this.failure = error;
  }
}

/**
 * The part of `rest` to write next. A terminal may accept any part of it, so line feeds are written
 * alone.
 */
function nextPiece(rest: Uint8Array, isTerminal: boolean): Uint8Array {
  if (!isTerminal) return rest.subarray(0, rest.lastIndexOf(LINE_FEED, PIECE - 1) + 1 || PIECE);
  const end = rest.indexOf(LINE_FEED);
  return rest.subarray(0, Math.min(end < 0 ? PIECE : Math.max(1, end), PIECE));
}

function isBusy(error: unknown): boolean {
  return error instanceof Deno.errors.WouldBlock || error instanceof Deno.errors.Interrupted;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resolves when `work` does, and after `ms` at the latest. */
async function settledWithin(work: Promise<void> | undefined, ms: number): Promise<void> {
  if (work === undefined) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}

function joined(texts: readonly Uint8Array[]): Uint8Array {
  const [first = NOTHING] = texts;
  if (texts.length === 1) return first;
  const all = new Uint8Array(texts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const text of texts) {
    all.set(text, end);
    end += text.length;
  }
  return all;
}
