/** What a failure makes all connections wait for, and what is said about it. */

import type { Digest } from "../../core/digest.ts";
import type { PullamaError } from "../../core/errors.ts";
import type { PullEvent } from "../../core/events.ts";
import type { Clock } from "../../io/clock.ts";
import type { RetryDelay } from "./backoff.ts";

/** An outage is reported at most this often, in milliseconds, for all connections together. */
const REPORT_EVERY = 60_000;

export interface WaitsContext {
  readonly clock: Clock;
  readonly emit: (
    event: Extract<PullEvent, { readonly event: "retry" | "waiting" }>,
  ) => void;
}

/** The waits of one pull or push: all its connections respect a server's Retry-After together. */
export class Waits {
  #pausedUntil = -Infinity;
  #reportedAt = -Infinity;

  constructor(private readonly context: WaitsContext) {}

  /** No connection begins an attempt before the time that the server has named, if it has. */
  pause({ retryAfterMs }: PullamaError): void {
    if (retryAfterMs === undefined) return;
    this.#pausedUntil = Math.max(this.#pausedUntil, this.context.clock.now() + retryAfterMs);
  }

  /** Resolves when attempts may begin. Rejects with the reason of the signal. */
  async resumed(signal: AbortSignal): Promise<void> {
    const { clock } = this.context;
    signal.throwIfAborted();
    while (clock.now() < this.#pausedUntil) {
      await clock.sleep(this.#pausedUntil - clock.now(), signal);
    }
  }

  /** Reports the failure, and waits before the next attempt. Rejects with the reason of the signal. */
  async over(
    digest: Digest | undefined,
    delay: RetryDelay,
    error: PullamaError,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, emit } = this.context;
    if (delay.goneMs !== undefined) this.#reportOutage(delay.goneMs, error);
    else emit({ event: "retry", digest, ...delay, error });
    await clock.sleep(delay.waitMs, signal);
  }

  #reportOutage(sinceMs: number, error: PullamaError): void {
    const now = this.context.clock.now();
    if (now - this.#reportedAt < REPORT_EVERY) return;
    this.#reportedAt = now;
    this.context.emit({ event: "waiting", sinceMs, error });
  }
}
