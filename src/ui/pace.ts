/** How often a line about progress is worth a line of a log. */

import type { Clock } from "./renderer.ts";

const EVERY_MS = 10_000;
const EVERY_PERCENT = 5;

/** A function that says whether a line is due: after every 5 % and after ten seconds. */
export function logPace(clock: Clock): (percent: number) => boolean {
  let lastAt = clock.now();
  let lastStep = 0;
  return (percent) => {
    const step = Math.floor(percent / EVERY_PERCENT);
    if (step <= lastStep && clock.now() - lastAt < EVERY_MS) return false;
    lastStep = step;
    lastAt = clock.now();
    return true;
  };
}
