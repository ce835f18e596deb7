/** Lines at the end of a terminal that are redrawn in place, below permanent lines. */

import { rowsOf, width } from "./draw.ts";
import type { Clock } from "./clock.ts";
import { BEGIN_FRAME, END_FRAME, type Terminal } from "./terminal.ts";

export interface Redraw {
  /** Adds permanent lines; they are written with the next frame. */
  print(...lines: readonly string[]): void;
  /**
   * Writes the printed lines and the current live lines in one write, or nothing if they are
   * unchanged.
   */
  frame(): void;
  /**
   * As `frame()`, but removes the live lines, so that others can write. The next frame restores
   * them.
   */
  clear(): void;
}

/** Returns at most `rows` lines of at most `cells` cells. */
export type Draw = (cells: number, rows: number) => readonly string[];

/** Between these the terminal cuts off lines that are too wide instead of wrapping them. */
const NO_WRAP = "\x1b[?7l";
const WRAP = "\x1b[?7h";
const SAVE_CURSOR = "\x1b7";
const RESTORE_CURSOR = "\x1b8";
const ERASE_LINE = "\x1b[K";
const ERASE_BELOW = "\x1b[J";

/**
 * Free rows below the live lines: typed line feeds move the cursor, but as long as there is room
 * below it they do not scroll the screen, and the saved cursor position stays valid.
 */
const SPARE_ROWS = 2;
/** Smaller windows have no spare rows. */
const ROOMY = 10;
/** Typed text is erased after this many milliseconds, even if nothing else changes. */
const WIPE_MS = 300;
/**
 * Nothing is drawn for this many milliseconds after a resize, since another one may follow: tmux
 * reports the last of several up to 500 ms late.
 */
const SETTLE_MS = 750;

/**
 * Live lines above the cursor. The cursor is never hidden: a program that is suspended or killed
 * could not restore it. Each frame saves the position of the last live line, and the next one
 * returns to it: typing moves the cursor, but not the saved position. After a resize saved
 * positions are invalid, and rows are counted from the cursor instead. While it is unknown how the
 * terminal has wrapped the lines, too few rows are counted rather than too many, which would erase
 * permanent lines. The rows are then erased before they are written, since the terminal may join
 * two rows of a wrapped line again, whatever was written over them.
 *
 * `draw` gets one cell less than the window has, since terminals differ at the last column. A frame
 * has one trailing line feed at its end, because stdout flushes everything before the last line
 * feed separately.
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

  /** Moves to the beginning of the first live line. */
  function back(settled: boolean): string {
    if (shown.length === 0) return "";
    if (!moved) return RESTORE_CURSOR + up(shown.length - 1) + "\r";
    const wrapped = (line: string) => settled ? rowsOf(line, columns) : 1;
    return up(shown.reduce((sum, line) => sum + wrapped(line), 0)) + "\r" + ERASE_BELOW;
  }

  /** Checks the size of the window; returns whether it has been stable long enough. */
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

  /**
   * The permanent lines, the live lines and the free rows below; saves the position of the last
   * live line.
   */
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
 * One live line without escape sequences, overwritten after a carriage return. Shows only the first
 * line of `draw`.
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
