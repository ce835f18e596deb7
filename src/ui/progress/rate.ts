/** How fast bytes come at the moment. */

import type { Clock } from "../terminal/clock.ts";

/** Bytes are gathered for so long before they count as one measurement. */
const SAMPLE_MS = 250;
/** If none come for so long, that is a measurement too. */
const LATE_MS = 1_000;
/** Below this there is too little to divide by. */
const SETTLED_MS = 1_000;
/** After so long without a byte nothing comes. */
const SILENT_MS = 8_000;

export interface RateMeter {
  add(bytes: number): void;
  /** Bytes a second; undefined in the first second, 0 after eight seconds of silence. */
  rate(): number | undefined;
}

/**
 * The mean of the past, in which a moment weighs less the longer it is ago: after `memoryMs` about a third.
 * The first bytes only start it, for nobody knows how long they were under way.
 */
export function rateMeter(clock: Clock, memoryMs: number): RateMeter {
  let startedAt: number | undefined;
  let measuredAt = 0;
  let lastAt = 0;
  let gathered = 0;
  let sum = 0;
  let weight = 0;

  function measure(now: number): void {
    const elapsed = now - measuredAt;
    if (elapsed < SAMPLE_MS) return;
    const kept = Math.exp(-elapsed / memoryMs);
    sum = sum * kept + gathered / elapsed * 1_000 * (1 - kept);
    weight = weight * kept + 1 - kept;
    measuredAt = now;
    gathered = 0;
  }

  return {
    add(bytes) {
      const now = clock.now();
      lastAt = now;
      if (startedAt === undefined) {
        startedAt = measuredAt = now;
        return;
      }
      gathered += bytes;
      measure(now);
    },
    rate() {
      const now = clock.now();
      if (startedAt === undefined || now - startedAt < SETTLED_MS) return undefined;
      if (now - lastAt >= SILENT_MS) return 0;
      if (now - measuredAt >= LATE_MS) measure(now);
      return Math.round(sum / weight);
    },
  };
}
