/** An ETA that counts down steadily instead of jumping with every change of the rate. */

import type { Clock } from "../terminal/clock.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Time constant with which the expected time follows the measured one. */
const FOLLOW_MS = 6_000;
/** The same if they differ by more than FAR_APART: the rate has changed for good. */
const HURRY_MS = 1_500;
const FAR_APART = 2;

/**
 * Returns a function from the measured time left to the one to show, both in milliseconds. The
 * longer the time, the coarser the rounding; a value is kept until it is off by more than 3/4 of
 * its rounding step.
 */
export function steadyEta(clock: Clock): (measured: number | undefined) => number | undefined {
  let expected: number | undefined;
  let shown = 0;
  let at = 0;

  return (measured) => {
    const now = clock.now();
    const elapsed = now - at;
    at = now;
    if (measured === undefined) return expected = undefined;
    const before = expected;
    expected = before === undefined ? measured : follow(before - elapsed, measured, elapsed);
    const grain = grainOf(expected);
    if (before === undefined || Math.abs(expected - shown) > 0.75 * grain) {
      shown = Math.round(expected / grain) * grain;
    }
    return shown;
  };
}

function follow(expected: number, measured: number, elapsed: number): number {
  const from = Math.max(0, expected);
  const ratio = (measured + SECOND) / (from + SECOND);
  const far = ratio > FAR_APART || ratio < 1 / FAR_APART;
  return from + (measured - from) * (1 - Math.exp(-elapsed / (far ? HURRY_MS : FOLLOW_MS)));
}

function grainOf(ms: number): number {
  if (ms < 2 * MINUTE) return SECOND;
  if (ms < 10 * MINUTE) return 5 * SECOND;
  if (ms < HOUR) return 30 * SECOND;
  return ms < 24 * HOUR ? 5 * MINUTE : HOUR;
}
