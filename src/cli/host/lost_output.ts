/** What it means that stdout could not be written. */

import { PullamaError } from "../../core/errors.ts";
import { isDiskFull, reasonOf } from "../../io/file_error.ts";

/** `cause` as a failure: of the disk that stdout was sent to, or of something else there. */
export function lostOutput(cause: unknown): PullamaError {
  const full = isDiskFull(cause);
  return new PullamaError(
    full ? "disk_full" : "local",
    `cannot write to stdout: ${reasonOf(cause)}`,
    {
      cause,
      hint: full
        ? "free some space where the output goes, or send it elsewhere"
        : "send the output elsewhere; what was pulled is on disk all the same",
    },
  );
}
