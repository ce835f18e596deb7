/** The digest of bytes that may be on a damaged part of the disk. */

import type { Digest } from "../../core/digest.ts";
import { isReadFailure } from "../../io/file_error.ts";
import type { HashRun } from "../../io/hash.ts";

/** What `run` has after hashing up to `end`; undefined where the file ends before, or the disk cannot read it. */
export async function digestUpTo(
  run: HashRun,
  end: number,
  urgent = false,
): Promise<Digest | undefined> {
  try {
    return await run.extend(end, undefined, urgent) ? run.digest : undefined;
  } catch (error) {
    if (!isReadFailure(error)) throw error;
    return undefined;
  }
}
