/** Attempts in a row, with the waits between them that the failures call for. */

import { asPullamaError, PullamaError } from "../core/errors.ts";
import type { Emit } from "../core/events.ts";
import type { Descriptor } from "../core/manifest.ts";
import type { Clock } from "./clock.ts";
import { Patience, type RetryPolicy } from "./retry.ts";

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

/** Makes attempts until one succeeds. `attempt` tells how many bytes it brought before it failed. */
export async function withPatience<T>(
  tools: PatienceTools,
  pause: Pause,
  what: { readonly digest: Descriptor["digest"] | undefined; readonly wanted: number },
  attempt: (brought: (bytes: number) => void) => Promise<T>,
): Promise<T> {
  const patience = new Patience(tools.policy, tools.clock);
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
      const again = patience.after(error, bytes, what.wanted);
      if (error.retryAfterMs !== undefined) pause.asked(error.retryAfterMs);
      tools.emit({ event: "retry", digest: what.digest, ...again, error });
      await tools.clock.sleep(again.waitMs, tools.signal);
    }
  }
}
