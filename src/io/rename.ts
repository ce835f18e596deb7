/** Renames files that a virus scanner, an indexer or another program may have open for a moment. */

import { type Clock, systemClock } from "./clock.ts";

/** The total time and the delay between two attempts, in milliseconds. */
const LONGEST_MS = 10_000;
const PAUSE_MS = 50;

/** Retries `rename` while the file is in use, up to ten seconds; rejects with the last error. */
export async function renameWithRetry(
  rename: () => Promise<void>,
  clock: Pick<Clock, "now" | "sleep"> = systemClock,
): Promise<void> {
  const end = clock.now() + LONGEST_MS;
  for (;;) {
    try {
      return await rename();
    } catch (error) {
      if (!isInUse(error) || clock.now() >= end) throw error;
    }
    await clock.sleep(PAUSE_MS);
  }
}

/**
 * Windows has three errors for this: access denied (5), sharing violation (32) and lock violation
 * (33). The first may also be permanent.
 */
function isInUse(error: unknown): boolean {
  return error instanceof Error && /\(os error (5|32|33)\)/.test(error.message);
}
