/** Work that several callers wait for together. */

import { PullamaError } from "../../core/errors.ts";

/** Runs until it is done or the last one who waits for it has gone. */
export class SingleFlight<T> {
  readonly #stop = new AbortController();
  readonly #result: Promise<T>;
  #waiting = 0;

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.#result = work(this.#stop.signal);
    // Whoever waits learns of a failure; there may be nobody.
    this.#result.catch(() => {});
  }

  /** Nobody waits any more: it has been stopped. */
  get abandoned(): boolean {
    return this.#stop.signal.aborted;
  }

  /** The result, or the failure of the work. Rejects with the reason of `signal` when that comes first. */
  async wait(signal: AbortSignal): Promise<T> {
    this.#waiting++;
    const aborted = Promise.withResolvers<never>();
    const leave = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    try {
      signal.throwIfAborted();
      return await Promise.race([this.#result, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", leave);
      if (--this.#waiting === 0) {
        this.#stop.abort(new PullamaError("interrupted", "nobody waits for it any more"));
      }
    }
  }
}
