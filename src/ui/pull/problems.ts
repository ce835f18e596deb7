/**
 * Which problems get a permanent line: a bad connection may cause hundreds of a kind per minute.
 */

import type { Clock } from "../terminal/clock.ts";
import type { StepEvent } from "./step_text.ts";

/** A problem of the same kind gets another line after this long. */
const EVERY_MS = 30_000;
/** Pauses of this length always get a line, or the pull would seem to hang. Milliseconds. */
const LONG_PAUSE_MS = 5_000;

/** The problems of a pull, counted. */
export interface ProblemCounts {
  /** Whether `event` gets a line of its own. */
  worth(event: StepEvent): boolean;
  readonly retries: number;
  readonly stalls: number;
}

export function countProblems(clock: Clock): ProblemCounts {
  const saidAt = new Map<string, number>();
  let retries = 0;
  let stalls = 0;

  /**
   * Counts a problem and returns its kind, regardless of the blob; undefined if `event` is none.
   */
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
