/** Windows refuses to rename, remove or open what another program has open: a virus scanner, an indexer, a server. */

import { type Clock, systemClock } from "../clock.ts";
import { errorNumbers, hasNumber } from "./numbers.ts";

/** The total time and the delay between two attempts, in milliseconds. */
const LONGEST_MS = 10_000;
const PAUSE_MS = 50;

/** Access denied: what Windows also says of a name that is open when it is replaced or removed. It may be permanent. */
const DENIED = [5];

export interface WaitForUse {
  /** Whether "access denied" may mean that the file is in use. */
  readonly orDenied?: boolean;
  /** As in `Deno.build.os`. */
  readonly os?: string;
  readonly clock?: Pick<Clock, "now" | "sleep">;
}

/** Whether another program has the file open and does not share it. */
export function isInUse(error: unknown, os: string = Deno.build.os): boolean {
  return hasNumber(error, errorNumbers(os).inUse);
}

/** Runs `act` again while another program has its file open, up to ten seconds; rejects with the last error. */
export async function whenNotInUse<T>(
  act: () => Promise<T>,
  { orDenied = false, os = Deno.build.os, clock = systemClock }: WaitForUse = {},
): Promise<T> {
  if (os !== "windows") return await act();
  const end = clock.now() + LONGEST_MS;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      const mayEnd = isInUse(error, os) || (orDenied && hasNumber(error, DENIED));
      if (!mayEnd || clock.now() >= end) throw error;
    }
    await clock.sleep(PAUSE_MS);
  }
}
