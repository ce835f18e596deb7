/** Lines at the end of a terminal that are drawn again and again, below lines that stay. */

import { rowsOf, width } from "./draw.ts";
import type { Clock } from "./renderer.ts";
import type { Terminal } from "./terminal.ts";

export interface Live {
  /** Adds lines that stay; they come with the next frame. */
  print(...lines: readonly string[]): void;
  /** One write: what was printed, and the live lines as they are now. Nothing where nothing has changed. */
  frame(): void;
  /** As `frame()`, but without live lines, so that others can write. The next frame brings them back. */
  clear(): void;
}

/** Lines of at most `cells`, and at most `rows` of them. */
export type Draw = (cells: number, rows: number) => readonly string[];

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
/** Between these a terminal shows nothing halfway. */
const BEGIN_FRAME = "\x1b[?2026h";
const END_FRAME = "\x1b[?2026l";
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
 * Live lines above a cursor that waits below them. A frame goes back to the last of them, which it has
 * saved as a place on the screen: what is typed meanwhile moves the cursor, but not that. Only when the
 * window has changed it counts the rows from the cursor instead, for then no place is what it was.
 *
 * `draw` is given one cell less than a line of the window has, since at its edge terminals differ. A frame
 * ends with its only trailing line feed, for stdout passes on what stands before the last one separately.
 */
export function liveLines(out: Terminal, clock: Clock, draw: Draw): Live {
  let queue: string[] = [];
  let shown: readonly string[] = [];
  let columns = 0;
  let rows = 0;
  let writtenAt = -Infinity;

  function spare(): number {
    return out.rows() < ROOMY ? 0 : SPARE_ROWS;
  }

  /** To the beginning of the first live line. */
  function back(resized: boolean): string {
    if (shown.length === 0) return "";
    if (!resized) return RESTORE_CURSOR + up(shown.length - 1) + "\r";
    return up(shown.reduce((sum, line) => sum + rowsOf(line, columns), 0)) + "\r";
  }

  /** What stays, the live lines and the free rows below them, and the last of them as the place to go back to. */
  function drawn(region: readonly string[]): string {
    if (region.length === 0) return SHOW_CURSOR + queue.join(`${ERASE_LINE}\n`) + ERASE_BELOW;
    const free = spare() + 1;
    return HIDE_CURSOR + queue.map((line) => line + ERASE_LINE + "\n").join("") +
      NO_WRAP + region.join(`${ERASE_LINE}\n`) + ERASE_BELOW + WRAP +
      "\n".repeat(free) + up(free) + SAVE_CURSOR;
  }

  function write(region: readonly string[]): void {
    const resized = columns !== out.columns() || rows !== out.rows();
    columns = out.columns();
    rows = out.rows();
    const same = !resized && region.length === shown.length &&
      region.every((line, i) => line === shown[i]);
    const wipe = region.length > 0 && clock.now() - writtenAt >= WIPE_MS;
    if (queue.length === 0 && same && !wipe) return;
    const text = BEGIN_FRAME + back(resized) + drawn(region) + END_FRAME +
      (queue.length + region.length > 0 ? "\n" : "");
    queue = [];
    shown = region;
    writtenAt = clock.now();
    out.write(text);
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
export function liveLine(out: Terminal, draw: Draw): Live {
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
    queue = [];
    shown = line;
    out.write(text);
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
