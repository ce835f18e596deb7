/** How fast bytes may be requested, shared by several connections; it may change at any time. */

import { FollowingController, orAborted } from "./abort.ts";
import type { ByteReader } from "./byte_reader.ts";
import type { Clock } from "./clock.ts";

/** What holds at the moment. */
export interface Pace {
  /** Bytes per second over all connections; undefined: no limit. */
  readonly rate: number | undefined;
  /** Whether bytes may be requested at all. */
  readonly open: boolean;
  /** Calls `listener` after each change, until disposed. */
  onChange(listener: () => void): Disposable;
}

/** A pace that never changes. */
export function steadyPace(rate: number | undefined): Pace {
  return { rate, open: true, onChange: () => ({ [Symbol.dispose]() {} }) };
}

/** Reads per second of one connection at the full rate, so that a low limit causes no bursts. */
const PIECES_PER_SECOND = 10;
const SMALLEST_PIECE = 1024;

/** Holds all readers that are passed through it to one pace, together. */
export class RateLimit {
  #paidUntil = 0;
  #rate: number | undefined;

  constructor(
    private readonly pace: Pace,
    private readonly clock: Pick<Clock, "now" | "sleep">,
  ) {}

  /** Bytes per second over all connections; undefined: no limit. */
  get rate(): number | undefined {
    return this.pace.rate;
  }

  /**
   * `reader`, throttled. Its reads reject with the reason of `signal` if that is aborted while they
   * wait.
   */
  through(reader: ByteReader, signal: AbortSignal): ByteReader {
    return {
      read: (buffer) => this.#isFree ? reader.read(buffer) : this.#read(reader, buffer, signal),
      cancel: () => reader.cancel(),
    };
  }

  async #read(
    reader: ByteReader,
    buffer: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): ReturnType<ByteReader["read"]> {
    await this.turn(signal);
    const most = this.piece;
    const piece = await reader.read(
      buffer.byteLength > most ? new Uint8Array(buffer.buffer, 0, most) : buffer,
    );
    this.spend(piece.value?.byteLength ?? 0);
    return piece;
  }

  /** Waits until what was read is paid for: a request before that would bring bytes that nothing reads. */
  async turn(signal: AbortSignal): Promise<void> {
    await this.take(0, signal);
  }

  /**
   * Waits likewise, and pays for `bytes`, or for the most that may be moved at once: resolves with how many. As the next
   * one that waits sees the debt, many together move no more than one. `spend` with a negative number gives back what
   * was not moved. It suits sources that are never slow: nothing else moves for what they have paid.
   */
  async take(bytes: number, signal: AbortSignal): Promise<number> {
    for (;;) {
      if (this.#isFree) return bytes;
      if (!this.pace.open) {
        await this.#changed(signal);
        continue;
      }
      const now = this.clock.now();
      // A new rate begins without the debt of another one.
      if (this.#rate !== this.pace.rate) this.#paidUntil = now;
      this.#rate = this.pace.rate;
      // Idle time earns no more credit than one read.
      this.#paidUntil = Math.max(this.#paidUntil, now - 1000 / PIECES_PER_SECOND);
      if (this.#paidUntil <= now) {
        const most = Math.min(bytes, this.piece);
        this.spend(most);
        return most;
      }
      await this.#sleep(this.#paidUntil - now, signal);
    }
  }

  /** The most bytes to move at once, so that a low limit causes no bursts. */
  get piece(): number {
    const { rate } = this.pace;
    if (rate === undefined) return Infinity;
    return Math.max(SMALLEST_PIECE, Math.floor(rate / PIECES_PER_SECOND));
  }

  /** Counts bytes that did not come through a reader: the next turn waits for them. Negative: gives them back. */
  spend(bytes: number): void {
    if (this.pace.rate !== undefined) this.#paidUntil += (bytes / this.pace.rate) * 1000;
  }

  get #isFree(): boolean {
    return this.pace.open && this.pace.rate === undefined;
  }

  /** Sleeps no longer than until the pace changes. */
  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    using sleeping = new FollowingController(signal);
    using _listener = this.pace.onChange(() => sleeping.abort());
    try {
      await this.clock.sleep(ms, sleeping.signal);
    } catch (error) {
      if (!sleeping.signal.aborted) throw error;
      signal.throwIfAborted();
    }
  }

  async #changed(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    using _listener = this.pace.onChange(resolve);
    await orAborted(promise, signal);
  }
}
