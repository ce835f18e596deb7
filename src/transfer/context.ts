/** What every part of one pull works with. */

import type { Emit } from "../core/events.ts";
import type { Clock } from "../io/clock.ts";

export interface PullContext {
  /** Ends all of it. */
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly clock: Clock;
}
