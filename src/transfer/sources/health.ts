/** When a source that has failed is asked again. */

/** Milliseconds that a source is left aside after it did not respond, and after it did, but not as it should. */
const SILENT_MS = 30_000;
const BROKEN_MS = 2_000;
const LONGEST_MS = 10 * 60_000;
/** Milliseconds in which one request alone finds out whether a source that has failed responds again. */
const PROBE_MS = 15_000;

/** How a source has behaved, shared by the pulls of a process. */
export class Health {
  #failures = 0;
  #failedAt = -Infinity;
  #asideUntil = -Infinity;
  /** Of the request that finds out whether it responds again. */
  #probeUntil = -Infinity;

  /** `now` in milliseconds, of any clock. */
  constructor(private readonly now: () => number) {}

  /** Whether to ask it now. */
  get usable(): boolean {
    return this.now() >= Math.max(this.#asideUntil, this.#probeUntil);
  }

  /** A request begins. Returns its time, for `failed`. */
  asked(): number {
    const now = this.now();
    if (this.#failures > 0) this.#probeUntil = now + PROBE_MS;
    return now;
  }

  /** A request has ended without a failure. */
  worked(): void {
    this.#failures = 0;
    this.#asideUntil = -Infinity;
    this.released();
  }

  /** A request has ended without a word for or against it: what was asked for is not there, or the caller has left. */
  released(): void {
    this.#probeUntil = -Infinity;
  }

  /**
   * A request that began at `since` has failed; `isBrief`: the source responds all the same. It asks to be left alone
   * for `retryAfterMs`. Requests at the same time fail together: they count once.
   */
  failed(since: number, isBrief: boolean, retryAfterMs = 0): void {
    this.released();
    const now = this.now();
    if (since >= this.#failedAt) this.#failures++;
    this.#failedAt = now;
    const usual = (isBrief ? BROKEN_MS : SILENT_MS) * 2 ** Math.min(this.#failures - 1, 10);
    const ms = Math.max(retryAfterMs, Math.min(usual, LONGEST_MS));
    this.#asideUntil = Math.max(this.#asideUntil, now + ms);
  }
}
