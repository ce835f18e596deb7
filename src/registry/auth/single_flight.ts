/** Work that several callers share. */

import { PullamaError } from "../../core/errors.ts";
import { orAborted } from "../../io/abort.ts";

/** Runs until it is done or no caller is waiting for it. */
export class SingleFlight<T> {
  readonly #stop = new AbortController();
  readonly #result: Promise<T>;
  #waiting = 0;

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.#result = work(this.#stop.signal);
    // Waiting callers get the failure; there may be none.
    this.#result.catch(() => {});
  }

  /** No caller is waiting: it was stopped. */
  get abandoned(): boolean {
    return this.#stop.signal.aborted;
  }

  /** The result or the failure of the work. Rejects with the reason of `signal` once aborted. */
  async wait(signal: AbortSignal): Promise<T> {
    this.#waiting++;
    try {
      signal.throwIfAborted();
      return await orAborted(this.#result, signal);
    } finally {
      if (--this.#waiting === 0) {
        this.#stop.abort(new PullamaError("interrupted", "no request is waiting for it"));
      }
    }
  }
}
