/** Lines at the end of a terminal that are drawn again and again, below lines that stay. */

import { rowsOf, width } from "./draw.ts";
import type { Clock } from "./clock.ts";
import { BEGIN_FRAME, END_FRAME, type Terminal } from "./terminal.ts";

export interface Redraw {
  /** Adds lines that stay; they come with the next frame. */
  print(...lines: readonly string[]): void;
  /** One write: what was printed, and the live lines as they are now. Nothing where nothing has changed. */
  frame(): void;
  /** As `frame()`, but without live lines, so that others can write. The next frame brings them back. */
  clear(): void;
}

/** Lines of at most `cells`, and at most `rows` of them. */
export type Draw = (cells: number, rows: number) => readonly string[];

/** Between these what is too wide is cut off by the terminal, and makes no second row. */
const NO_WRAP = "\x1b[?7l";
const WRAP = "\x1b[?7h";
const SAVE_CURSOR = "\x1b7";
const RESTORE_CURSOR = "\x1b8";
const ERASE_LINE = "\x1b[K";
const ERASE_BELOW = "\x1b[J";

/**
 * Rows that are kept free below the live lines: typed line feeds move the cursor, but as long as there is
 * room below it they do not scroll the screen, and the saved place stays the right one.
 */
const SPARE_ROWS = 2;
/** Windows of fewer rows need all of them. */
const ROOMY = 10;
/** What was typed is wiped away after so long, in milliseconds, even if nothing else changes. */
const WIPE_MS = 300;
/**
 * So long after a change of the window nothing is drawn, in milliseconds: another one may follow that is not
 * known yet. tmux tells a program about the last of several up to 500 ms late.
 */
const SETTLE_MS = 750;

/**
 * Live lines above a cursor that waits below them. It is never hidden: a program that is stopped or killed
 * could not give it back. A frame goes back to the last of the lines, which it has saved as a place on the
 * screen: what is typed meanwhile moves the cursor, but not that. Only when the window has changed it counts
 * the rows from the cursor instead, for then no place is what it was; and as long as it is not known how the
 * terminal has broken them, rather too few than too many, which would take lines that stay. And then it erases
 * the rows before it writes them: two that were one line may be joined again, whatever has been written over them.
 *
 * `draw` is given one cell less than a line of the window has, since at its edge terminals differ. A frame
 * ends with its only trailing line feed, for stdout passes on what stands before the last one separately.
 */
export function redrawLines(out: Terminal, clock: Clock, draw: Draw): Redraw {
  let queue: string[] = [];
  let shown: readonly string[] = [];
  let columns = 0;
  let rows = 0;
  let writtenAt = -Infinity;
  let changedAt = -Infinity;
  let moved = false;

  function spare(): number {
    return out.rows() < ROOMY ? 0 : SPARE_ROWS;
  }

  /** To the beginning of the first live line. */
  function back(settled: boolean): string {
    if (shown.length === 0) return "";
    if (!moved) return RESTORE_CURSOR + up(shown.length - 1) + "\r";
    const broken = (line: string) => settled ? rowsOf(line, columns) : 1;
    return up(shown.reduce((sum, line) => sum + broken(line), 0)) + "\r" + ERASE_BELOW;
  }

  /** Looks at the window, and says whether it is certain how large it is. */
  function settledAt(now: number): boolean {
    const changed = columns !== out.columns() || rows !== out.rows();
    if (changed && columns > 0) {
      changedAt = now;
      moved = true;
    }
    columns = out.columns();
    rows = out.rows();
    return now - changedAt >= SETTLE_MS;
  }

  /** What stays, the live lines and the free rows below them, and the last of them as the place to go back to. */
  function drawn(region: readonly string[]): string {
    if (region.length === 0) return queue.join(`${ERASE_LINE}\n`) + ERASE_BELOW;
    const free = spare() + 1;
    return queue.map((line) => line + ERASE_LINE + "\n").join("") +
      NO_WRAP + region.join(`${ERASE_LINE}\n`) + ERASE_BELOW + WRAP +
      "\n".repeat(free) + up(free) + SAVE_CURSOR;
  }

  function write(region: readonly string[]): void {
    const now = clock.now();
    const settled = settledAt(now);
    if (!settled && shown.length > 0 && region.length > 0) return;
    const same = !moved && region.length === shown.length &&
      region.every((line, i) => line === shown[i]);
    const wipe = region.length > 0 && now - writtenAt >= WIPE_MS;
    if (queue.length === 0 && same && !wipe) return;
    const text = BEGIN_FRAME + back(settled) + drawn(region) + END_FRAME +
      (queue.length + region.length > 0 ? "\n" : "");
    if (queue.length > 0 || region.length === 0) out.write(text);
    else if (!out.offer(text)) return;
    queue = [];
    shown = region;
    moved = !settled;
    writtenAt = now;
  }

  return {
    print: (...lines) => void queue.push(...lines),
    frame: () => write(draw(Math.max(1, out.columns() - 1), Math.max(1, out.rows() - 1 - spare()))),
    clear: () => write([]),
  };
}

/**
 * One live line without escape sequences: it is written over from the beginning of its row. Of what `draw`
 * gives only the first line is shown.
 */
export function redrawLine(out: Terminal, draw: Draw): Redraw {
  let queue: string[] = [];
  let shown = "";

  function write(line: string): void {
    if (queue.length === 0 && line === shown) return;
    const erased = shown === "" ? "" : `\r${" ".repeat(width(shown))}\r`;
    const over = " ".repeat(Math.max(0, width(shown) - width(line)));
    const text = queue.length > 0
      ? erased + queue.map((kept) => `${kept}\n`).join("") + line
      : line === ""
      ? erased
      : `\r${line}${over}`;
    if (queue.length > 0 || line === "") out.write(text);
    else if (!out.offer(text)) return;
    queue = [];
    shown = line;
  }

  return {
    print: (...lines) => void queue.push(...lines),
    frame: () => write(draw(Math.max(1, out.columns() - 1), 1)[0] ?? ""),
    clear: () => write(""),
  };
}

function up(rows: number): string {
  return rows > 0 ? `\x1b[${rows}A` : "";
}
