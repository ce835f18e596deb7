/** Stack traces for `--verbose`. */

import { oneLine, redact } from "./redact.ts";

/** Limits the chain of causes, which may be circular. */
const CAUSES = 5;

/** The stack of `error`, and the message and stack of each of its causes, line by line. */
export function stackOf(error: Error): string[] {
  const lines = framesOf(error);
  let cause = error.cause;
  for (let depth = 0; depth < CAUSES && cause !== undefined; depth++) {
    lines.push(`caused by ${safe(String(cause))}`);
    if (!(cause instanceof Error)) break;
    lines.push(...framesOf(cause));
    cause = cause.cause;
  }
  return lines;
}

function framesOf(error: Error): string[] {
  return (error.stack ?? "").split("\n")
    .filter((line) => /^\s+at /.test(line))
    .map((line) => `    ${safe(line)}`);
}

function safe(text: string): string {
  return oneLine(redact(text));
}
