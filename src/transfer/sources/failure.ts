/** Which failures of a body its source is to answer for. */

import { asPullamaError, type Kind, type PullamaError } from "../../core/errors.ts";

/** Failures of a body that has begun. */
const TRANSPORT: readonly Kind[] = ["network", "timeout", "protocol", "tls"];

/** The failure of a body; undefined where its reader did not need it, or could not use it. */
export function failureOf(error: unknown, signal: AbortSignal): PullamaError | undefined {
  const failure = asPullamaError(error);
  return TRANSPORT.includes(failure.kind) && !signal.aborted ? failure : undefined;
}
