/** The results of `doctor`: a line for each check as it ends, a summary, or a document. */

import {
  type Check,
  CHECK_NAMES,
  type CheckName,
  type CheckState,
  type DoctorReport,
  firstFailure,
  type NeededHost,
} from "../../core/reports/doctor.ts";
import { exitCodeOf } from "../../core/errors.ts";
import { displayName, fullName, type ModelName } from "../../core/name.ts";
import { inspectText, jsonText } from "../text/json.ts";
import { type Glyphs, glyphs, width, wrap } from "../terminal/draw.ts";
import { type Paint, paintWith } from "../terminal/paint.ts";
import { oneLine, redact, showable } from "../text/redact.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { stackOf } from "../text/stack.ts";
import { seconds } from "../text/numbers.ts";

/** The capabilities of the terminal that a line depends on. */
type Screen = Pick<Terminal, "interactive" | "unicode" | "color" | "columns">;

const NAME_CELLS = Math.max(...CHECK_NAMES.map((name) => name.length));
/** The marks before a line in ASCII output. */
const ASCII_MARKS: Readonly<Record<CheckState, string>> = {
  ok: "ok",
  warning: "warn",
  failed: "FAIL",
  skipped: "-",
};

/** The title, with the model that is checked. */
export function doctorHeading(model: ModelName, screen: Screen): string {
  const { title } = glyphs(screen.unicode);
  return linesOf(wrap(`${title} pullama doctor ${showable(displayName(model))}`, roomIn(screen)));
}

/** The line of a check in progress, for a terminal where it is overwritten later. */
export function pendingText(name: CheckName, screen: Screen): string {
  const g = glyphs(screen.unicode);
  return paintWith(screen.color).faint(`${mark("skipped", g, screen)} ${name}${g.ellipsis}`);
}

/**
 * A check, with its hint below it. Wrapped to the window on a terminal, one line each elsewhere.
 */
export function checkText(check: Check, screen: Screen, verbose: boolean): string {
  const { name, state, found, ms, hint, error } = check;
  const g = glyphs(screen.unicode);
  const paint = paintWith(screen.color);
  const sign = mark(state, g, screen);
  const indent = width(sign) + 1 + NAME_CELLS + 2;
  const room = roomIn(screen) - indent;
  const time = state === "skipped" ? [] : [timeText(ms)];
  const [first = "", ...more] = wrap([...found.map(showable), ...time].join(g.separator), room);
  const brush = state === "failed" ? paint.strong : state === "skipped" ? paint.faint : same;
  const blank = " ".repeat(indent);
  return linesOf([
    `${signBrush(state, paint)(sign)} ${name.padEnd(NAME_CELLS)}  ${brush(first)}`,
    ...more.map((line) => `${blank}${brush(line)}`),
    ...(hint === undefined ? [] : hintLines(hint, room, blank, screen, paint)),
    ...(verbose && error ? stackOf(error) : []),
  ]);
}

/** The hosts that a firewall must allow, and the overall result. */
export function doctorSummary(report: DoctorReport, screen: Screen): string {
  const paint = paintWith(screen.color);
  const names = report.hosts.map(hostText);
  const hosts = names.length === 0 ? [] : [`hosts to allow: ${names.join(", ")}`];
  return linesOf([
    ...hosts.flatMap((line) => wrap(line, roomIn(screen))),
    ...wrap(summary(report, glyphs(screen.unicode)), roomIn(screen)).map(paint.strong),
  ]);
}

/** The report for programs; `inspected`: as `Deno.inspect` prints it. */
export function doctorDocument(
  report: DoctorReport,
  { inspected, color }: { readonly inspected: boolean; readonly color: boolean },
): string {
  const { model, checks, hosts } = report;
  const failure = firstFailure(report);
  const document = {
    model: fullName(model),
    ok: failure === undefined,
    exit_code: failure === undefined ? 0 : exitCodeOf(failure.kind),
    checks: checks.map(({ name, state, found, ms, hint, error }) => ({
      name,
      ok: state === "ok" || state === "warning",
      skipped: state === "skipped",
      found: found.map((part) => oneLine(redact(part))).join(", "),
      ms: Math.round(ms),
      ...(hint !== undefined && { hint: oneLine(redact(hint)) }),
      ...(error !== undefined && { kind: error.kind }),
    })),
    hosts,
  };
  return inspected ? inspectText(document, color) : jsonText(document);
}

function mark(state: CheckState, g: Glyphs, screen: Screen): string {
  if (!screen.unicode) return ASCII_MARKS[state].padEnd(4);
  return { ok: g.done, warning: g.problem, failed: g.failed, skipped: g.dash }[state];
}

function signBrush(state: CheckState, { mark, faint }: Paint): Paint["strong"] {
  return { ok: mark.done, warning: mark.problem, failed: mark.failed, skipped: faint }[state];
}

function hintLines(
  hint: string,
  room: number,
  blank: string,
  screen: Screen,
  paint: Paint,
): string[] {
  const g = glyphs(screen.unicode);
  const text = showable(hint).replaceAll("…", g.ellipsis);
  const label = screen.unicode ? g.begin : "hint:";
  const cells = width(label) + 1;
  return wrap(text, room - cells).map((line, i) =>
    `${blank}${i === 0 ? paint.mark.begin(label) : " ".repeat(cells - 1)} ${line}`
  );
}

function hostText({ host, port, what }: NeededHost): string {
  return `${showable(host)}:${port} (${what})`;
}

function summary({ checks }: DoctorReport, g: Glyphs): string {
  const count = (state: CheckState) => checks.filter((check) => check.state === state).length;
  const failed = count("failed");
  const warnings = count("warning");
  const warned = warnings === 0 ? [] : [`${warnings} ${warnings === 1 ? "warning" : "warnings"}`];
  if (failed === 0) return ["all checks passed", ...warned].join(g.separator);
  // The state is the same for checks that do not apply; the text tells those that a failure
  // prevented.
  const skipped =
    checks.filter(({ state, found }) => state === "skipped" && found[0]?.startsWith("not checked"))
      .length;
  return [
    `${failed} of ${checks.length} checks failed`,
    ...(skipped === 0 ? [] : [`${skipped} not checked`]),
    ...warned,
  ].join(g.separator);
}

/** The width for wrapping: below that of the window on a terminal, unlimited elsewhere. */
function roomIn(screen: Screen): number {
  return screen.interactive ? screen.columns() - 1 : Infinity;
}

function linesOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

function timeText(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : seconds(ms);
}

function same(text: string): string {
  return text;
}
