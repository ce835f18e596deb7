/** Runs attempts until one succeeds, with the delays that the failures in between call for. */

import { asPullamaError, type PullamaError } from "../../core/errors.ts";
import type { Descriptor } from "../../core/manifest.ts";
import type { StallLimits } from "../../io/stall.ts";
import { Backoff, type RetryPolicy } from "./backoff.ts";
import type { PullContext } from "../context.ts";
import { Pace } from "./pace.ts";

/** An outage is reported at most this often, in milliseconds, for all connections together. */
const REPORT_EVERY = 60_000;

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
  #pausedUntil = -Infinity;
  #reportedAt = -Infinity;

  /** `pace`: bytes of the model that this pull has received, and what is too slow. */
  constructor(
    private readonly policy: RetryPolicy,
    private readonly context: PullContext,
    private readonly pace: { readonly received: () => number; readonly limits: StallLimits },
  ) {}

  /**
   * Calls `attempt` until it succeeds; it reports the bytes it received before it failed. Rejects with the
   * failure that is not retried, and with the reason of the signal.
   */
  async run<T>(
    { digest, needed, signal, failed }: RetriedWork,
    attempt: (received: (bytes: number) => void) => Promise<T>,
  ): Promise<T> {
    const { emit, clock } = this.context;
    const backoff = new Backoff(this.policy, clock);
    const pace = new Pace(this.pace.limits, clock, this.pace.received);
    for (;;) {
      signal.throwIfAborted();
      await this.#resumed(signal);
      let bytes = 0;
      try {
        return await attempt((count) => bytes += count);
      } catch (caught) {
        signal.throwIfAborted();
        const error = asPullamaError(caught);
        const served = this.pace.received() > 0;
        const delay = backoff.after(error, pace.progress(bytes), needed, served);
        if (error.retryAfterMs !== undefined) this.#pause(error.retryAfterMs);
        failed?.(error, bytes);
        if (delay.goneMs !== undefined) this.#reportOutage(delay.goneMs, error);
        else emit({ event: "retry", digest, ...delay, error });
        await clock.sleep(delay.waitMs, signal);
        if (bytes === 0 || error.retryAfterMs !== undefined) pace.skip();
      }
    }
  }

  #pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.context.clock.now() + ms);
  }

  async #resumed(signal: AbortSignal): Promise<void> {
    const { clock } = this.context;
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
