/** Asks for a lock without waiting, which not every runtime can do, and which Windows answers in its own way. */

import { settledWithin } from "../abort.ts";
import { fileError } from "../file_error.ts";
import { hasNumber } from "./numbers.ts";

/** Milliseconds to wait for a lock if the runtime has no non-blocking call for it. */
const TRY_MS = 300;
const SLICE_MS = 30;
/** ERROR_LOCK_VIOLATION: so Windows says that a lock is held. */
const LOCKED = [33];

/** `patienceMs` counts on runtimes that cannot ask: a lock that is not granted by then is held. */
export async function tryNow(
  file: Deno.FsFile,
  exclusive: boolean,
  path: string,
  patienceMs = TRY_MS,
): Promise<boolean> {
  // Missing in runtimes before 2.7.
  const now = (file as { tryLock?: (exclusive: boolean) => Promise<boolean> }).tryLock;
  if (typeof now === "function") {
    try {
      return await now.call(file, exclusive);
    } catch (error) {
      if (Deno.build.os === "windows" && hasNumber(error, LOCKED)) return false;
      throw fileError(error, "lock", path);
    }
  }
  const request = file.lock(exclusive);
  request.catch(() => {});
  return await settledInOwnTime(request, undefined, patienceMs);
}

/**
 * Whether `request` is granted within `ms` in which this process ran: a machine that was suspended, or too busy, has
 * not given it a chance. Also false if `signal` is aborted first.
 */
export async function settledInOwnTime(
  request: Promise<unknown>,
  signal?: AbortSignal,
  ms = TRY_MS,
): Promise<boolean> {
  for (let slices = 0; slices < ms / SLICE_MS;) {
    const began = performance.now();
    if (await settledWithin(request, SLICE_MS, signal)) return true;
    // A slice that was late does not count.
    if (performance.now() - began < 2 * SLICE_MS) slices++;
  }
  return false;
}
