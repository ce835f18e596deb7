/** The entries of the queue as lines, and as a document. */

import pico from "picocolors";
import { shortId } from "../../core/digest.ts";
import { displayName, fullName } from "../../core/name.ts";
import type { QueueModel, QueueRow } from "../../core/reports/queue_row.ts";
import { fit, type Glyphs, glyphs, pad, width } from "../terminal/draw.ts";
import { oneLine, redact } from "../text/redact.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** A name is never truncated to less than this. */
const LEAST_NAME = 12;

/**
 * One line for every entry: mark, position, name, state, and error, the latter on a line of its own
 * if it does not fit. Lines are truncated to the window on a terminal, and complete elsewhere.
 * `full`: names with host and namespace.
 */
export function queueListText(rows: readonly QueueRow[], out: Terminal, full: boolean): string {
  if (rows.length === 0) return "the queue is empty\n";
  const g = glyphs(out.unicode);
  const c = pico.createColors(out.color);
  const cells = (out.interactive ? Math.max(4, out.columns() - 1) : Infinity) - 2;
  const digits = String(rows.length).length;
  const widest = (texts: readonly string[]) =>
    texts.reduce((most, text) => Math.max(most, width(text)), 0);
  const names = rows.map((row) => modelText(row, full) + pinText(row, full));
  const states = rows.map((row) => oneLine(row.status));
  const room = Math.max(LEAST_NAME, cells - digits - widest(states) - 2);
  const nameCells = Math.min(widest(names), room);

  return rows.flatMap(({ position, status, error }, i) => {
    const [mark, paint] = markOf(status, g, c);
    const number = String(position).padStart(digits);
    const line = `${number} ${pad(names[i]!, nameCells, g)} ${states[i]!}`;
    if (error === undefined) return [`${paint(mark)} ${fit(line, cells, g)}\n`];
    const reason = oneLine(redact(error));
    const whole = `${line}: ${reason}`;
    if (width(whole) <= cells) return [`${paint(mark)} ${whole}\n`];
    const below = `${" ".repeat(digits + 1)}${reason}`;
    return [`${paint(mark)} ${fit(line, cells, g)}\n`, `  ${fit(below, cells, g)}\n`];
  }).join("");
}

/** The entries for programs: names as in every document, the other fields as in `queue.json`. */
export function queueDocument(rows: readonly QueueRow[]): unknown {
  return {
    entries: rows.map(({ position, given, name, status, addedAt, finishedAt, error }) => ({
      position,
      name: modelText({ name, given }),
      full_name: name && fullName(name),
      scheme: name?.scheme,
      digest: name?.digest,
      status: oneLine(status),
      added_at: addedAt,
      finished_at: finishedAt,
      error: error === undefined ? undefined : oneLine(redact(error)),
    })),
  };
}

/** The model as it is displayed; made printable if it is not a valid name. */
export function modelText({ name, given }: QueueModel, full = false): string {
  if (name === undefined) return oneLine(redact(given));
  return full ? fullName(name) : displayName(name);
}

/** The manifest that is wanted, with `full` in full. */
export function pinText({ name }: QueueModel, full: boolean): string {
  const { digest } = name ?? {};
  return digest ? `@${full ? digest : shortId(digest)}` : "";
}

function markOf(
  status: string,
  g: Glyphs,
  c: ReturnType<typeof pico.createColors>,
): readonly [mark: string, paint: (text: string) => string] {
  switch (status) {
    case "active":
      return [g.begin, c.blue];
    case "completed":
      return [g.done, c.green];
    case "failed":
      return [g.problem, c.yellow];
    default:
      return [g.note, c.dim];
  }
}
