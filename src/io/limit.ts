/** A limit on bytes a second that several connections share. */

import type { ByteReader } from "./byte_reader.ts";

export interface LimitClock {
  /** Milliseconds. */
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Pieces a second of one connection at full speed, so that a slow limit still flows evenly. */
const PIECES_PER_SECOND = 10;
const SMALLEST_PIECE = 1024;

/** How fast bytes may come, over all readers that pass through it. */
export class RateLimit {
  #paidUntil = 0;

  /** `rate` in bytes a second. */
  constructor(private readonly rate: number, private readonly clock: LimitClock) {}

  /** `reader`, held back to its share. Waiting ends with the reason of `signal`. */
  through(reader: ByteReader, signal: AbortSignal): ByteReader {
    const most = Math.max(SMALLEST_PIECE, Math.floor(this.rate / PIECES_PER_SECOND));
    return {
      read: async (buffer) => {
        await this.#turn(signal);
        const piece = await reader.read(
          buffer.byteLength > most ? new Uint8Array(buffer.buffer, 0, most) : buffer,
        );
        this.#paidUntil += ((piece.value?.byteLength ?? 0) / this.rate) * 1000;
        return piece;
      },
      cancel: () => reader.cancel(),
    };
  }

  async #turn(signal: AbortSignal): Promise<void> {
    for (;;) {
      const now = this.clock.now();
      // Time in which nothing came is not saved up for later.
      this.#paidUntil = Math.max(this.#paidUntil, now - 1000 / PIECES_PER_SECOND);
      if (this.#paidUntil <= now) return;
      await this.clock.sleep(this.#paidUntil - now, signal);
    }
  }
}
