/** Time and chance, as the engine asks for them: a test brings its own. */

export interface Clock {
  /** Milliseconds that only grow. */
  readonly now: () => number;
  /** Rejects with the reason of `signal` when that is aborted first. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** At least 0, below 1. */
  readonly random: () => number;
}

/** What a timer takes; longer waits are made of several. */
const LONGEST = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  random: Math.random,
  async sleep(ms, signal) {
    for (let left = ms; left > 0; left -= LONGEST) await timer(Math.min(left, LONGEST), signal);
  },
};

function timer(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const ended = () => {
      clearTimeout(handle);
      reject(signal.reason);
    };
    const handle = setTimeout(() => {
      signal.removeEventListener("abort", ended);
      resolve();
    }, ms);
    signal.addEventListener("abort", ended, { once: true });
  });
}
