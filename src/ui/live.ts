/** Lines at the end of a terminal that are drawn again and again, below lines that stay. */

import { width } from "./draw.ts";
import type { Terminal } from "./terminal.ts";

export interface Live {
  /** Adds lines that stay; they come with the next frame. */
  print(...lines: readonly string[]): void;
  /** One write: what was printed, and the live lines as they are now. Nothing where nothing has changed. */
  frame(): void;
  /** As `frame()`, but without live lines, so that others can write. The next frame brings them back. */
  clear(): void;
}

const HIDE_CURSOR = "\x1b[?25l";
const SHOW_CURSOR = "\x1b[?25h";
/** Between these a terminal shows nothing halfway. */
const BEGIN_FRAME = "\x1b[?2026h";
const END_FRAME = "\x1b[?2026l";
const ERASE_LINE = "\x1b[K";
const ERASE_BELOW = "\x1b[J";

/**
 * Live lines above a cursor that waits at the beginning of the line below them. `draw` is given the cells
 * that a line may take: one less than the window has, since at its edge terminals differ. A frame ends
 * with its only trailing line feed, for stdout passes on what stands before the last one separately.
 */
export function liveLines(out: Terminal, draw: (cells: number) => readonly string[]): Live {
  let queue: string[] = [];
  let shown: readonly string[] = [];
  let columns = out.columns();

  /** Rows that the shown lines take by now: a window that became narrower has broken them. */
  function rows(): number {
    return shown.reduce((sum, line) => sum + Math.max(1, Math.ceil(width(line) / columns)), 0);
  }

  function write(region: readonly string[]): void {
    const before = columns;
    columns = Math.max(1, out.columns());
    const same = columns === before && region.length === shown.length &&
      region.every((line, i) => line === shown[i]);
    if (queue.length === 0 && same) return;
    const lines = [...queue, ...region];
    const up = rows();
    const text = BEGIN_FRAME + (region.length > 0 ? HIDE_CURSOR : SHOW_CURSOR) +
      (up > 0 ? `\x1b[${up}A\r` : "") + lines.join(`${ERASE_LINE}\n`) + ERASE_BELOW + END_FRAME +
      (lines.length > 0 ? "\n" : "");
    queue = [];
    shown = region;
    out.write(text);
  }

  return {
    print: (...lines) => void queue.push(...lines),
    frame: () => write(draw(Math.max(1, out.columns() - 1))),
    clear: () => write([]),
  };
}

/**
 * One live line without escape sequences: it is written over from the beginning of its row. Of what `draw`
 * gives only the first line is shown.
 */
export function liveLine(out: Terminal, draw: (cells: number) => readonly string[]): Live {
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
    frame: () => write(draw(Math.max(1, out.columns() - 1))[0] ?? ""),
    clear: () => write(""),
  };
}
