/** A rate limit shared by several connections. */

import type { ByteReader } from "./byte_reader.ts";
import type { Clock } from "./clock.ts";

/** Reads per second of one connection at the full rate, so that a low limit causes no bursts. */
const PIECES_PER_SECOND = 10;
const SMALLEST_PIECE = 1024;

/** Limits the total rate of all readers that are passed through it. */
export class RateLimit {
  #paidUntil = 0;

  /** `rate` in bytes per second. */
  constructor(
    private readonly rate: number,
    private readonly clock: Pick<Clock, "now" | "sleep">,
  ) {}

  /**
   * `reader`, throttled. Its reads reject with the reason of `signal` if that is aborted while they
   * wait.
   */
  through(reader: ByteReader, signal: AbortSignal): ByteReader {
    const most = Math.max(SMALLEST_PIECE, Math.floor(this.rate / PIECES_PER_SECOND));
    return {
      read: async (buffer) => {
        await this.turn(signal);
        const piece = await reader.read(
          buffer.byteLength > most ? new Uint8Array(buffer.buffer, 0, most) : buffer,
        );
        this.#paidUntil += ((piece.value?.byteLength ?? 0) / this.rate) * 1000;
        return piece;
      },
      cancel: () => reader.cancel(),
    };
  }

  /** Waits until what was read is paid for: a request before that would bring bytes that nothing reads. */
  async turn(signal: AbortSignal): Promise<void> {
    for (;;) {
      const now = this.clock.now();
      // Idle time earns no more credit than one read.
      this.#paidUntil = Math.max(this.#paidUntil, now - 1000 / PIECES_PER_SECOND);
      if (this.#paidUntil <= now) return;
      await this.clock.sleep(this.#paidUntil - now, signal);
    }
  }
}
