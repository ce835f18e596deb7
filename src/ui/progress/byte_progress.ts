/** Progress of reading or writing bytes that are not pulled. */

import { percentOf } from "../text/numbers.ts";
import type { Clock } from "../terminal/clock.ts";
import { steadyEta } from "./eta.ts";
import type { Progress } from "./progress.ts";
import { rateMeter } from "./rate.ts";

/** What is shown of any progress. */
export type ShownProgress = Pick<
  Progress,
  "done" | "total" | "percent" | "rate" | "steadyEtaMs" | "verifying"
>;

export interface ByteProgress extends ShownProgress {
  /** `done` bytes are finished; `moved` of them since the last call took time. */
  move(done: number, moved: number): void;
}

/** Milliseconds that a rate remembers. */
const MEMORY_MS = 4_000;

/** `total`: all bytes; undefined where that is not known. */
export function byteProgress(clock: Clock, total: number | undefined): ByteProgress {
  const meter = rateMeter(clock, MEMORY_MS);
  const eta = steadyEta(clock);
  let done = 0;
  return {
    total,
    verifying: undefined,
    move(now, moved) {
      done = now;
      meter.add(moved);
    },
    get done() {
      return done;
    },
    get percent() {
      return total === undefined ? 0 : percentOf(done, total);
    },
    rate: () => meter.rate(),
    steadyEtaMs() {
      const rate = meter.rate();
      return eta(total && rate ? (total - done) / rate * 1_000 : undefined);
    },
  };
}
