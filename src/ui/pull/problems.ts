/** Which troubles get a line that stays: on a bad line there may be hundreds of one kind in a minute. */

import type { Clock } from "../terminal/clock.ts";
import type { StepEvent } from "./step_text.ts";

/** Another line about the same trouble is worth it after so long. */
const EVERY_MS = 30_000;
/** Without a line a pause of this length would look as if nothing went on any more. Milliseconds. */
const LONG_PAUSE_MS = 5_000;

/** What the troubles of a pull amount to in the end. */
export interface ProblemCounts {
  /** Whether `event` is worth a line of its own. */
  worth(event: StepEvent): boolean;
  readonly retries: number;
  readonly stalls: number;
}

export function countProblems(clock: Clock): ProblemCounts {
  const saidAt = new Map<string, number>();
  let retries = 0;
  let stalls = 0;

  /** Counts the trouble, and says which it is, whichever blob it hits. */
  function kindOf(event: StepEvent): string | undefined {
    switch (event.event) {
      case "retry":
        retries++;
        return event.waitMs < LONG_PAUSE_MS
          ? `retry ${event.error.kind}`
          : `retry ${event.error.kind} ${event.digest} ${event.attempt}`;
      case "stall":
        stalls++;
        return "stall";
      case "lock_wait":
        return "lock_wait";
      default:
        return undefined;
    }
  }

  return {
    worth(event) {
      const kind = kindOf(event);
      if (kind === undefined) return true;
      const now = clock.now();
      if (now - (saidAt.get(kind) ?? -Infinity) < EVERY_MS) return false;
      saidAt.set(kind, now);
      return true;
    },
    get retries() {
      return retries;
    },
    get stalls() {
      return stalls;
    },
  };
}
