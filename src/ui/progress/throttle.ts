/** How often a line about progress is worth a line of a log. */

import type { Clock } from "../terminal/clock.ts";

interface Pace {
  readonly ms: number;
  readonly percent: number;
}

const USUAL: Pace = { ms: 10_000, percent: 5 };
/** For logs that are kept. */
const BRIEF: Pace = { ms: 60_000, percent: 10 };

/** A function that says whether a line is due: after every 5 % and after ten seconds, or more rarely if `brief`. */
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
