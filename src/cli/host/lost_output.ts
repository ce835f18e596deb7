/** The error for output that could not be written to stdout. */

import { PullamaError } from "../../core/errors.ts";
import { isDiskFull, reasonOf } from "../../io/file_error.ts";

/** `disk_full` if stdout is redirected to a full disk, otherwise `local`. */
export function lostOutput(cause: unknown): PullamaError {
  const full = isDiskFull(cause);
  return new PullamaError(
    full ? "disk_full" : "local",
    `cannot write to stdout: ${reasonOf(cause)}`,
    {
      cause,
      hint: full
        ? "free disk space where stdout is redirected to, or redirect it elsewhere"
        : "redirect stdout elsewhere; downloaded models are not affected",
    },
  );
}
