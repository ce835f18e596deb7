/** Time and chance for code that waits; tests bring their own. */

import { onAbort } from "./abort.ts";

export interface Clock {
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Rejects with the reason of `signal` when that is aborted first. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** At least 0, below 1. */
  readonly random: () => number;
}

/** The longest time that a timer takes; longer waits are made of several. */
const LONGEST = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  random: Math.random,
  async sleep(ms, signal) {
    for (let left = ms; left > 0; left -= LONGEST) await timer(Math.min(left, LONGEST), signal);
  },
};

async function timer(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const handle = setTimeout(resolve, ms);
  using _listener = signal && onAbort(signal, () => reject(signal.reason));
  try {
    await promise;
  } finally {
    clearTimeout(handle);
  }
}
