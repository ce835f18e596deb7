/** Runs attempts until one succeeds, with the delays that the failures in between call for. */

import { asPullamaError, type PullamaError } from "../../core/errors.ts";
import type { Descriptor } from "../../core/manifest.ts";
import type { StallLimits } from "../../io/stall.ts";
import { Backoff, type RetryPolicy } from "./backoff.ts";
import type { PullContext } from "../context.ts";
import { Pace } from "./pace.ts";
import { Waits } from "./waits.ts";

/** What is attempted: `needed` bytes of a blob, or the manifest. */
export interface RetriedWork {
  readonly digest: Descriptor["digest"] | undefined;
  readonly needed: number;
  /** Ends the attempts and the waits between them. */
  readonly signal: AbortSignal;
  /** Called with each failure that would be retried; throws where something better can be done. */
  readonly failed?: (error: PullamaError, bytes: number) => void;
}

/** The retries of one pull: all its connections respect a server's Retry-After together. */
export class Retrier {
  readonly #waits: Waits;

  /** `pace`: bytes of the model that this pull has received, and what is too slow. */
  constructor(
    private readonly policy: RetryPolicy,
    private readonly context: PullContext,
    private readonly pace: { readonly received: () => number; readonly limits: StallLimits },
  ) {
    this.#waits = new Waits(context);
  }

  /**
   * Calls `attempt` until it succeeds; it reports the bytes it received before it failed. Rejects with the
   * failure that is not retried, and with the reason of the signal.
   */
  async run<T>(
    { digest, needed, signal, failed }: RetriedWork,
    attempt: (received: (bytes: number) => void) => Promise<T>,
  ): Promise<T> {
    const { clock } = this.context;
    const backoff = new Backoff(this.policy, clock);
    const pace = new Pace(this.pace.limits, clock, this.pace.received);
    for (;;) {
      await this.#waits.resumed(signal);
      let bytes = 0;
      try {
        return await attempt((count) => bytes += count);
      } catch (caught) {
        signal.throwIfAborted();
        const error = asPullamaError(caught);
        const served = this.pace.received() > 0;
        const delay = backoff.after(error, pace.progress(bytes), needed, served);
        this.#waits.pause(error);
        failed?.(error, bytes);
        await this.#waits.over(digest, delay, error, signal);
        if (bytes === 0 || error.retryAfterMs !== undefined) pace.skip();
      }
    }
  }
}
