/** What one undertaking of several requests is ended by: its caller, or the time it takes. */

import { PullamaError } from "../core/errors.ts";

/** A controller that follows a signal as long as it is in use, and aborts with `timeout` when time is up. */
export class Deadline extends AbortController implements Disposable {
  readonly #caller: AbortSignal;
  readonly #follow: () => void;
  readonly #timer: ReturnType<typeof setTimeout>;

  /** `what` is done for too long after `limitMs`: "the manifest of h was not complete". */
  constructor(caller: AbortSignal, limitMs: number, what: string) {
    super();
    this.#caller = caller;
    this.#follow = () => this.abort(caller.reason);
    if (caller.aborted) this.#follow();
    caller.addEventListener("abort", this.#follow, { once: true });
    this.#timer = setTimeout(() => {
      this.abort(new PullamaError("timeout", `${what} after ${limitMs / 1000} s`));
    }, limitMs);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#caller.removeEventListener("abort", this.#follow);
  }
}
