/** Maps items with bounded concurrency. */

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
