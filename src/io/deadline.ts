/** A time limit over work that consists of several requests. */

import { PullamaError } from "../core/errors.ts";
import { FollowingController } from "./abort.ts";

/** Follows the caller's signal until disposed, and aborts with kind `timeout` when the time is up. */
export class Deadline extends FollowingController {
  readonly #timer: ReturnType<typeof setTimeout>;

  /** `what` completes the message "… after 30 s": "the manifest of h was not complete". */
  constructor(caller: AbortSignal, limitMs: number, what: string) {
    super(caller);
    this.#timer = setTimeout(() => {
      this.abort(new PullamaError("timeout", `${what} after ${limitMs / 1000} s`));
    }, limitMs);
  }

  override [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    super[Symbol.dispose]();
  }
}
