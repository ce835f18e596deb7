/** Where an error arose, for those who asked with `--verbose`. */

import { oneLine, redact } from "./redact.ts";

/** Nobody needs more, and a circle of causes would not end. */
const CAUSES = 5;

/** The stack of `error`, and message and stack of what caused it, line by line. */
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
