/** The current download rate. */

import type { Clock } from "../terminal/clock.ts";

/** Length of one measurement. */
const SAMPLE_MS = 250;
/** Without any bytes for this long, a measurement is taken anyway. */
const LATE_MS = 1_000;
/** No rate is given before this much time has passed. */
const SETTLED_MS = 1_000;
/** Without any bytes for this long, the rate is 0. */
const SILENT_MS = 8_000;

export interface RateMeter {
  add(bytes: number): void;
  /** Bytes per second; undefined in the first second, 0 after eight seconds without data. */
  rate(): number | undefined;
}

/**
 * An exponential moving average with time constant `memoryMs`. The first bytes only start the
 * clock, since the time they took is unknown.
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
