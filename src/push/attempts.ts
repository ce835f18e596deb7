/** Attempts until one succeeds, with the delays that the failures in between call for. */

import type { Digest } from "../core/digest.ts";
import { asPullamaError, type PullamaError } from "../core/errors.ts";
import { Backoff } from "../transfer/retry/backoff.ts";
import { Waits } from "../transfer/retry/waits.ts";
import type { PushContext } from "./context.ts";

/** The attempts of one push: all its connections respect a server's Retry-After together. */
export class Attempts {
  readonly #waits: Waits;

  constructor(
    private readonly context: Pick<PushContext, "settings" | "clock" | "emit">,
  ) {
    this.#waits = new Waits(context);
  }

  /**
   * Calls `attempt` until it succeeds. `gained`: the bytes of `needed` that were gained since the last call. Rejects with
   * the failure that is not retried, and with the reason of the signal.
   */
  async run<T>(
    digest: Digest | undefined,
    needed: number,
    signal: AbortSignal,
    attempt: () => Promise<T>,
    gained: (error: PullamaError) => number = () => 0,
  ): Promise<T> {
    const { settings, clock } = this.context;
    const backoff = new Backoff(settings, clock);
    for (;;) {
      await this.#waits.resumed(signal);
      try {
        return await attempt();
      } catch (caught) {
        signal.throwIfAborted();
        const error = asPullamaError(caught);
        const delay = backoff.after(error, gained(error), needed, false);
        this.#waits.pause(error);
        await this.#waits.over(digest, delay, error, signal);
      }
    }
  }
}
