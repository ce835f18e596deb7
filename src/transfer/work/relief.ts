/** What a connection that has nothing to do takes over from others, so that the end is as fast as the middle. */

import type { Assignment, Relief } from "./blob_plan.ts";
import type { Downloader } from "./downloader.ts";

/** A connection without data for so many milliseconds, and for so many round trips, stands still. */
const STILL_MS = 500;
const STILL_ROUND_TRIPS = 3;
/** What a request costs besides its round trips, in milliseconds. */
const REQUEST_MS = 150;
/**
 * What was sent already of a range that is cut costs as much as it is fast: at so many bytes a second, the time that is
 * saved has to be a second longer.
 */
const DEAR = 20e6;
/** The least that is worth a request, in bytes. */
const WORTH = 32 * 1024;

/** A connection that could help. */
export interface Helper {
  readonly helper: Downloader;
  /** Bytes a second that it will receive. */
  readonly rate: number;
  readonly roundTripMs: number;
}

/** The range that takes longest, if it would take longer than with the help of one more request. */
export function reliefFor(
  assignments: Iterable<Assignment>,
  { helper, rate, roundTripMs }: Helper,
): Relief | undefined {
  const requestMs = 2 * roundTripMs + REQUEST_MS;
  const still = STILL_MS + STILL_ROUND_TRIPS * roundTripMs;
  let slowest: Relief | undefined;
  let longest = 1.5 * requestMs;
  for (const assignment of assignments) {
    const { by, position, end, comparing, requesting, repeats, repeatedBy } = assignment;
    const left = end - position;
    if (by === helper || comparing || !requesting || repeats || repeatedBy || left <= 0) continue;
    if (by.quietMs >= still) {
      const ms = left / Math.max(1, by.rate) * 1000 + 1000 * by.quietMs;
      if (ms <= longest) continue;
      longest = ms;
      slowest = { of: assignment, at: position, again: true };
      continue;
    }
    // Nothing is known of a connection that has received nothing yet.
    if (by.rate === 0) continue;
    const ms = (left / by.rate - by.rate / DEAR) * 1000;
    const share = (left - by.rate * requestMs / 1000) * rate / (rate + by.rate);
    if (ms <= longest || share < WORTH) continue;
    longest = ms;
    slowest = { of: assignment, at: end - Math.floor(share), again: false };
  }
  return slowest;
}
