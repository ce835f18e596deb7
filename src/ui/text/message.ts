/** Errors, warnings and hints for stderr. Every text ends with a line feed. */

import { exitCodeOf, type PullamaError } from "../../core/errors.ts";
import { frameBottom, frameTop, glyphs, wrap } from "../terminal/draw.ts";
import { type Paint, paintWith } from "../terminal/paint.ts";
import { showable } from "./redact.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { stackOf } from "./stack.ts";

/** The capabilities of the terminal that a message depends on. */
type Style = Pick<Terminal, "color" | "unicode" | "interactive" | "columns">;

/** Longer lines are hard to read. */
const WIDEST = 80;

export interface ErrorContext {
  /** What could not be done, such as `pull m:latest`; absent if the message includes it. */
  readonly doing?: string;
  /** With stack traces. */
  readonly verbose: boolean;
}

/**
 * On a terminal: a small frame with what could not be done, the reason, a hint, and the exit code.
 * Elsewhere `cannot pull m:latest: reason`, and a line with the hint if there is one.
 */
export function errorText(error: PullamaError, style: Style, context: ErrorContext): string {
  const reason = showable(error.message);
  const what = context.doing === undefined ? undefined : `cannot ${context.doing}`;
  const trace = context.verbose ? stackOf(error) : [];
  if (style.interactive) return lines(...errorBlock(error, what, reason, style), ...trace);
  const text = what === undefined ? reason : `${what}: ${reason}`;
  return lines(paintWith(style.color).mark.failed(text), ...hintLines(error.hint, style), ...trace);
}

export function warningText(message: string, hint: string | undefined, style: Style): string {
  const { strong } = paintWith(style.color);
  const [first = "", ...more] = wrapped(`warning: ${showable(message)}`, style);
  const label = first.startsWith("warning:") ? strong("warning:") + first.slice(8) : first;
  return lines(label, ...more, ...hintLines(hint, style));
}

/** How to resume an interrupted pull; `models` as written on the command line. */
export function interruptedText(models: readonly string[], style: Style): string {
  const { dash } = glyphs(style.unicode);
  return lines(`interrupted ${dash} resume with: pullama ${models.join(" ")}`);
}

function errorBlock(
  error: PullamaError,
  what: string | undefined,
  reason: string,
  style: Style,
): string[] {
  const g = glyphs(style.unicode);
  const paint = paintWith(style.color);
  const cells = Math.min(WIDEST, Math.max(1, style.columns() - 1));
  const row = (mark: string, text: string, brush: Paint["strong"] = (same) => same) =>
    wrap(text, cells - 4).map((line, i) =>
      `${g.frame.down} ${i === 0 ? mark : " "} ${brush(line)}`.trimEnd()
    );
  const failed = paint.mark.failed(g.failed);
  const hint = error.hint === undefined ? [] : row(
    paint.mark.begin(g.begin),
    shownHint(error.hint, style),
  );
  return [
    frameTop("error", cells, g),
    ...(what === undefined
      ? row(failed, reason, paint.strong)
      : [...row(failed, what, paint.strong), ...row(" ", reason)]),
    ...hint,
    ...row(paint.mark.note(g.note), `exit code ${exitCodeOf(error.kind) || 1}`, paint.faint),
    frameBottom(cells, g),
  ];
}

function hintLines(hint: string | undefined, style: Style): string[] {
  if (hint === undefined) return [];
  const [first = "", ...more] = wrapped(`hint: ${shownHint(hint, style)}`, style);
  return [first.replace(/^hint:/, paintWith(style.color).faint("hint:")), ...more];
}

function shownHint(hint: string, style: Style): string {
  const { ellipsis, dash } = glyphs(style.unicode);
  return showable(hint).replaceAll("…", ellipsis).replaceAll("—", dash);
}

/** Wrapped to the window on a terminal, unchanged elsewhere. */
function wrapped(text: string, style: Style): string[] {
  return style.interactive ? wrap(text, style.columns() - 1) : [text];
}

function lines(...texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join("");
}
