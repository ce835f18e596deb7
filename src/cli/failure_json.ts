/** What a program reads that asked for JSON and gets none of it. People read the same on stderr. */

import { exitCodeOf, type PullamaError } from "../core/errors.ts";
import { jsonText } from "../ui/text/json.ts";
import { oneLine, redact } from "../ui/text/redact.ts";

/** The one document of a command that could not do what it was asked. */
export function failureDocument(
  error: PullamaError,
  exitCode: number = exitCodeOf(error.kind),
): string {
  return jsonText({ error: fieldsOf(error, exitCode) });
}

/** The same as the last line of a command that answers with events. */
export function failureEvent(error: PullamaError, date: Date): string {
  const time = date.toISOString();
  return jsonText({ event: "error", time, error: fieldsOf(error, exitCodeOf(error.kind)) });
}

function fieldsOf({ kind, message, hint }: PullamaError, exitCode: number): unknown {
  return {
    kind,
    exit_code: exitCode,
    message: oneLine(redact(message)),
    hint: hint === undefined ? undefined : oneLine(redact(hint)),
  };
}
