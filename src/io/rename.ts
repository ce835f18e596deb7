/** Renaming where somebody else may have the file open for a moment: a virus scanner, an indexer. */

/** How long to try, and how long to wait between two tries, in milliseconds. */
const LONGEST_MS = 10_000;
const PAUSE_MS = 50;

export interface RenameClock {
  now(): number;
  sleep(ms: number): Promise<void>;
}

const realClock: RenameClock = {
  now: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/** Calls `rename` again as long as it says that the file is in use, for up to ten seconds; then rejects so. */
export async function renamePatiently(
  rename: () => Promise<void>,
  clock: RenameClock = realClock,
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
 * Windows says so in three ways: access denied (5), a sharing violation (32), a lock violation (33). The first may
 * also mean that it will never be allowed.
 */
function isInUse(error: unknown): boolean {
  return error instanceof Error && /\(os error (5|32|33)\)/.test(error.message);
}
