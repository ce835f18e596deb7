/** Errors as JSON, for `--output json`. The same errors are reported as text on stderr. */

import { exitCodeOf, type PullamaError } from "../core/errors.ts";
import { jsonText } from "../ui/text/json.ts";
import { oneLine, redact } from "../ui/text/redact.ts";

/** The only document of a command that failed. */
export function failureDocument(
  error: PullamaError,
  exitCode: number = exitCodeOf(error.kind),
): string {
  return jsonText({ error: fieldsOf(error, exitCode) });
}

/** The last line of a command that writes events and failed. */
export function failureEvent(
  error: PullamaError,
  date: Date,
  exitCode: number = exitCodeOf(error.kind),
): string {
  return jsonText({ event: "error", time: date.toISOString(), error: fieldsOf(error, exitCode) });
}

function fieldsOf({ kind, message, hint }: PullamaError, exitCode: number): unknown {
  return {
    kind,
    exit_code: exitCode,
    message: oneLine(redact(message)),
    hint: hint === undefined ? undefined : oneLine(redact(hint)),
  };
}
