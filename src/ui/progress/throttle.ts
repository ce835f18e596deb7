/** How often progress is logged. */

import type { Clock } from "../terminal/clock.ts";

interface Pace {
  readonly ms: number;
  readonly percent: number;
}

const USUAL: Pace = { ms: 10_000, percent: 5 };
/** For the logs of CI jobs. */
const BRIEF: Pace = { ms: 60_000, percent: 10 };

/** Returns whether a line is due: every 5% or ten seconds, or if `brief` every 10% or minute. */
export function logThrottle(clock: Clock, brief: boolean): (percent: number) => boolean {
  const pace = brief ? BRIEF : USUAL;
  let lastAt = clock.now();
  let lastStep = 0;
  return (percent) => {
    const step = Math.floor(percent / pace.percent);
    if (step <= lastStep && clock.now() - lastAt < pace.ms) return false;
    lastStep = step;
    lastAt = clock.now();
    return true;
  };
}
