/** How fast one connection receives. */

/** Milliseconds that a rate is averaged over. */
const AVERAGED = 2500;

/** A measurement that is late adds no more milliseconds than this without data: this computer may be busy. */
const LONGEST_QUIET = 100;
/** Time without data counts as so many times less while there are none on any connection. */
const ALL_QUIET = 4;

export class Speed {
  /** Bytes in all; counted by the connection. */
  received = 0;
  /** A response or bytes of it are awaited: neither the disk nor the rate limit holds the connection up. */
  waiting = false;
  /** Bytes a second; 0: unknown. */
  rate = 0;
  /** How long nothing has arrived that was awaited, in milliseconds. */
  quietMs = 0;
  /** How long bytes have been arriving without a new beginning, in milliseconds. */
  ageMs = 0;
  #counted = 0;

  /** Bytes are expected from now on; what was idle before does not count. */
  begin(): void {
    this.quietMs = 0;
  }

  /** A new stream begins, whose rate is not that of the last one. */
  renew(): void {
    this.ageMs = 0;
    this.quietMs = 0;
  }

  /** Bytes that were not measured yet. */
  get fresh(): number {
    return this.received - this.#counted;
  }

  /**
   * Measures the last `ms` milliseconds, in which bytes were expected. While nothing arrives on any connection
   * (`allQuiet`) that may be due to the network, the server or this computer.
   */
  measure(ms: number, allQuiet: boolean): void {
    const count = this.fresh;
    this.#counted = this.received;
    const quiet = Math.min(ms, LONGEST_QUIET) / (allQuiet ? ALL_QUIET : 1);
    this.quietMs = count > 0 || !this.waiting ? 0 : this.quietMs + quiet;
    // The first bytes have not come yet.
    if (this.ageMs === 0 && count === 0) return;
    this.ageMs += ms;
    const weight = Math.max(ms / this.ageMs, 1 - Math.exp(-ms / AVERAGED));
    this.rate += weight * (count / ms * 1000 - this.rate);
  }
}
