/** Errors, warnings and hints: what stands on stderr. Every text here ends with a line feed. */

import { exitCodeOf, type PullamaError } from "../../core/errors.ts";
import { frameBottom, frameTop, glyphs, wrap } from "../terminal/draw.ts";
import { type Paint, paintWith } from "../terminal/paint.ts";
import { showable } from "./redact.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { stackOf } from "./stack.ts";

/** What of a terminal decides how a message looks. */
type Look = Pick<Terminal, "color" | "unicode" | "interactive" | "columns">;

/** Longer lines are hard to read. */
const WIDEST = 80;

export interface ErrorContext {
  /** What could not be done, such as `pull m:latest`; absent where the message says it. */
  readonly doing?: string;
  /** Also where it arose. */
  readonly verbose: boolean;
}

/**
 * For a person: a small frame with what could not be done, why, what to do about it, and the exit code that
 * it means. Elsewhere `cannot pull m:latest: why`, and a hint on a line of its own if there is one.
 */
export function errorText(error: PullamaError, look: Look, context: ErrorContext): string {
  const why = showable(error.message);
  const what = context.doing === undefined ? undefined : `cannot ${context.doing}`;
  const trace = context.verbose ? stackOf(error) : [];
  if (look.interactive) return lines(...errorBlock(error, what, why, look), ...trace);
  const text = what === undefined ? why : `${what}: ${why}`;
  return lines(paintWith(look.color).mark.failed(text), ...hintLines(error.hint, look), ...trace);
}

export function warningText(message: string, hint: string | undefined, look: Look): string {
  const { strong } = paintWith(look.color);
  const [first = "", ...more] = wrapped(`warning: ${showable(message)}`, look);
  const label = first.startsWith("warning:") ? strong("warning:") + first.slice(8) : first;
  return lines(label, ...more, ...hintLines(hint, look));
}

/** How to go on with a pull that was stopped; `models` as they are written on a command line. */
export function interruptedText(models: readonly string[], look: Look): string {
  const { dash } = glyphs(look.unicode);
  return lines(`interrupted ${dash} resume with: pullama ${models.join(" ")}`);
}

function errorBlock(
  error: PullamaError,
  what: string | undefined,
  why: string,
  look: Look,
): string[] {
  const g = glyphs(look.unicode);
  const paint = paintWith(look.color);
  const cells = Math.min(WIDEST, Math.max(1, look.columns() - 1));
  const row = (mark: string, text: string, brush: Paint["strong"] = (same) => same) =>
    wrap(text, cells - 4).map((line, i) =>
      `${g.frame.down} ${i === 0 ? mark : " "} ${brush(line)}`.trimEnd()
    );
  const failed = paint.mark.failed(g.failed);
  const hint = error.hint === undefined ? [] : row(
    paint.mark.begin(g.begin),
    shownHint(error.hint, look),
  );
  return [
    frameTop("error", cells, g),
    ...(what === undefined
      ? row(failed, why, paint.strong)
      : [...row(failed, what, paint.strong), ...row(" ", why)]),
    ...hint,
    ...row(paint.mark.note(g.note), `exit code ${exitCodeOf(error.kind) || 1}`, paint.faint),
    frameBottom(cells, g),
  ];
}

function hintLines(hint: string | undefined, look: Look): string[] {
  if (hint === undefined) return [];
  const [first = "", ...more] = wrapped(`hint: ${shownHint(hint, look)}`, look);
  return [first.replace(/^hint:/, paintWith(look.color).faint("hint:")), ...more];
}

function shownHint(hint: string, look: Look): string {
  const { ellipsis, dash } = glyphs(look.unicode);
  return showable(hint).replaceAll("…", ellipsis).replaceAll("—", dash);
}

/** For a person in lines that fit the window; programs get it as it is. */
function wrapped(text: string, look: Look): string[] {
  return look.interactive ? wrap(text, look.columns() - 1) : [text];
}

function lines(...texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join("");
}
