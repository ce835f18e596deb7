/** Looking at what a path names. */

import { isMissing, localFailure } from "./failure.ts";

/** What is at `path`, through links; undefined: nothing. Rejects with kind local where that cannot be known. */
export async function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw localFailure(error, "read", path);
  }
}
