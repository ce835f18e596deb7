/** Errors, warnings and hints: what stands on stderr. Every text here ends with a line feed. */

import pico from "picocolors";
import type { PullamaError } from "../core/errors.ts";
import { glyphs } from "./draw.ts";
import { oneLine, redact } from "./redact.ts";
import type { Terminal } from "./terminal.ts";
import { traceOf } from "./trace.ts";

/** What of a terminal decides how a message looks. */
type Look = Pick<Terminal, "color" | "unicode">;

export interface ErrorContext {
  /** What could not be done, such as `pull m:latest`; absent where the message says it. */
  readonly doing?: string;
  /** Also where it arose. */
  readonly verbose: boolean;
}

/** `cannot pull m:latest: why`, and a hint on a line of its own if there is one. */
export function errorText(error: PullamaError, look: Look, context: ErrorContext): string {
  const why = oneLine(redact(error.message));
  const text = context.doing === undefined ? why : `cannot ${context.doing}: ${why}`;
  const red = pico.createColors(look.color).red;
  const trace = context.verbose ? traceOf(error) : [];
  return lines(red(text), ...hintLines(error.hint, look), ...trace);
}

export function warningText(message: string, hint: string | undefined, look: Look): string {
  const yellow = pico.createColors(look.color).yellow;
  const text = `warning: ${oneLine(redact(message))}`;
  return lines(yellow(text), ...hintLines(hint, look));
}

/** How to go on with a pull that was stopped; `models` as they are written on a command line. */
export function interruptedText(models: readonly string[], look: Look): string {
  const { dash } = glyphs(look.unicode);
  return lines(`interrupted ${dash} resume with: pullama ${models.join(" ")}`);
}

function hintLines(hint: string | undefined, look: Look): string[] {
  if (hint === undefined) return [];
  const { ellipsis, dash } = glyphs(look.unicode);
  const text = oneLine(hint).replaceAll("…", ellipsis).replaceAll("—", dash);
  return [`${pico.createColors(look.color).dim("hint:")} ${text}`];
}

function lines(...texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join("");
}
