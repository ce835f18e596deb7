/** What counts as progress: not what arrives more slowly than the minimum, on however many connections. */

import type { Clock } from "../../io/clock.ts";
import type { StallLimits } from "../../io/stall.ts";

/**
 * The pace of attempts at one piece of work, one after another. The bytes of all connections count, because on a
 * slow network each has a share; so does the time between attempts, because a server may end each after a few bytes.
 */
export class Pace {
  #slow = false;
  #spentMs = 0;
  #bytes = 0;
  #since: number;
  #total: number;

  /** `received`: bytes on all connections so far. */
  constructor(
    private readonly limits: Pick<StallLimits, "slowest" | "slowMs">,
    private readonly clock: Pick<Clock, "now">,
    private readonly received: () => number,
  ) {
    this.#since = clock.now();
    this.#total = received();
  }

  /** The bytes that count as progress, of `bytes` that an attempt received before it failed. */
  progress(bytes: number): number {
    const { slowest, slowMs } = this.limits;
    if (bytes > 0) {
      this.#spentMs += this.clock.now() - this.#since;
      this.#bytes += this.received() - this.#total;
      if (this.#slow || this.#spentMs >= slowMs) {
        this.#slow = this.#bytes < slowest * this.#spentMs / 1000;
        this.#spentMs = this.#bytes = 0;
      }
    }
    this.skip();
    return this.#slow ? 0 : bytes;
  }

  /** What has passed since the last call does not count: no data, or as long as the server asked for. */
  skip(): void {
    this.#since = this.clock.now();
    this.#total = this.received();
  }
}
