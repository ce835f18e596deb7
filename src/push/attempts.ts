/** Attempts until one succeeds, with the delays that the failures in between call for. */

import type { Digest } from "../core/digest.ts";
import { asPullamaError, type PullamaError } from "../core/errors.ts";
import { Backoff } from "../transfer/retry/backoff.ts";
import type { PushContext } from "./context.ts";

/** An outage is reported at most this often, in milliseconds, for all connections together. */
const REPORT_EVERY = 60_000;

/** The attempts of one push: all its connections respect a server's Retry-After together. */
export class Attempts {
  #pausedUntil = -Infinity;
  #reportedAt = -Infinity;

  constructor(
    private readonly context: Pick<PushContext, "settings" | "clock" | "emit">,
  ) {}

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
    const { settings, clock, emit } = this.context;
    const backoff = new Backoff(settings, clock);
    for (;;) {
      await this.#resumed(signal);
      try {
        return await attempt();
      } catch (caught) {
        signal.throwIfAborted();
        const error = asPullamaError(caught);
        const delay = backoff.after(error, gained(error), needed, false);
        if (error.retryAfterMs !== undefined) {
          this.#pausedUntil = Math.max(this.#pausedUntil, clock.now() + error.retryAfterMs);
        }
        if (delay.goneMs === undefined) emit({ event: "retry", digest, ...delay, error });
        else this.#reportOutage(delay.goneMs, error);
        await clock.sleep(delay.waitMs, signal);
      }
    }
  }

  async #resumed(signal: AbortSignal): Promise<void> {
    const { clock } = this.context;
    signal.throwIfAborted();
    while (clock.now() < this.#pausedUntil) {
      await clock.sleep(this.#pausedUntil - clock.now(), signal);
    }
  }

  #reportOutage(sinceMs: number, error: PullamaError): void {
    const now = this.context.clock.now();
    if (now - this.#reportedAt < REPORT_EVERY) return;
    this.#reportedAt = now;
    this.context.emit({ event: "waiting", sinceMs, error });
  }
}
