/** Maps items with bounded concurrency. */

import { FollowingController } from "./abort.ts";

/**
 * The results of `work` for all `items`, in their order, with at most `atOnce` running at a time.
 * Rejects with the first rejection.
 */
export async function mapConcurrent<T, R>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const rest = items.entries();
  const worker = async () => {
    for (const [i, item] of rest) results[i] = await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

/**
 * As `mapConcurrent`, but the first rejection ends what is running: it aborts the signal of each, and is passed on once
 * all of them have ended. Also rejects with the reason of `signal`.
 */
export async function mapTogether<T, R>(
  items: readonly T[],
  atOnce: number,
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<R[]> {
  using all = new FollowingController(signal);
  const ended = await mapConcurrent(items, atOnce, async (item) => {
    try {
      all.signal.throwIfAborted();
      return { result: await work(item, all.signal) };
    } catch (error) {
      all.abort(error);
      return undefined;
    }
  });
  return ended.map((one) => {
    if (one) return one.result;
    throw all.signal.reason;
  });
}

/** Items of one batch. */
const BATCH = 32;

/**
 * Calls `act` for all `items` in batches of 32. Rejects with the first rejection once its batch is
 * done, so that no call is still running.
 */
export async function inBatches<T>(
  items: readonly T[],
  act: (item: T) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < items.length; at += BATCH) {
    const done = await Promise.allSettled(items.slice(at, at + BATCH).map(act));
    for (const result of done) if (result.status === "rejected") throw result.reason;
  }
}
