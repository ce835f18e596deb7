/** Attempts in a row, with the waits between them that the failures call for. */

import { asPullamaError, PullamaError } from "../core/errors.ts";
import type { Emit } from "../core/events.ts";
import type { Descriptor } from "../core/manifest.ts";
import type { Clock } from "./clock.ts";
import { Backoff, type RetryPolicy } from "./backoff.ts";

/** Why a connection lets go of its range without having failed: the server takes one at a time. */
export const YIELD = new PullamaError(
  "protocol",
  "another connection fetches the rest of this blob",
);

export interface PatienceTools {
  readonly clock: Clock;
  readonly policy: RetryPolicy;
  /** Ends everything. */
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly outage: Outage;
}

/** How long the server has asked everybody to leave it alone. */
export class Pause {
  #until = -Infinity;

  constructor(private readonly clock: Clock) {}

  asked(ms: number): void {
    this.#until = Math.max(this.#until, this.clock.now() + ms);
  }

  async over(signal: AbortSignal): Promise<void> {
    while (this.clock.now() < this.#until) {
      await this.clock.sleep(this.#until - this.clock.now(), signal);
    }
  }
}

/** How often it is said that nothing comes, in milliseconds. */
const SAY_EVERY = 60_000;

/** All that waits for the line or the server to come back, said once in a while for all connections. */
export class Outage {
  #said = -Infinity;

  constructor(private readonly clock: Clock, private readonly emit: Emit) {}

  /** Nothing has come for `sinceMs`, and an attempt ended with `error`. */
  goesOn(sinceMs: number, error: PullamaError): void {
    const now = this.clock.now();
    if (now - this.#said < SAY_EVERY) return;
    this.#said = now;
    this.emit({ event: "waiting", sinceMs, error });
  }
}

/** Makes attempts until one succeeds. `attempt` tells how many bytes it brought before it failed. */
export async function withPatience<T>(
  tools: PatienceTools,
  pause: Pause,
  what: { readonly digest: Descriptor["digest"] | undefined; readonly needed: number },
  attempt: (brought: (bytes: number) => void) => Promise<T>,
): Promise<T> {
  const backoff = new Backoff(tools.policy, tools.clock);
  for (;;) {
    tools.signal.throwIfAborted();
    await pause.over(tools.signal);
    let bytes = 0;
    try {
      return await attempt((count) => bytes += count);
    } catch (caught) {
      tools.signal.throwIfAborted();
      const error = asPullamaError(caught);
      if (error === YIELD) throw error;
      const again = backoff.after(error, bytes, what.needed);
      if (error.retryAfterMs !== undefined) pause.asked(error.retryAfterMs);
      if (again.goneMs !== undefined) tools.outage.goesOn(again.goneMs, error);
      else tools.emit({ event: "retry", digest: what.digest, ...again, error });
      await tools.clock.sleep(again.waitMs, tools.signal);
    }
  }
}
