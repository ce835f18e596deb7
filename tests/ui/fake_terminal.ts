/** A terminal that records what is written, and a simple screen that interprets it. */

import { width } from "../../src/ui/terminal/draw.ts";
import type { Terminal } from "../../src/ui/terminal/terminal.ts";

export interface FakeTerminal extends Terminal {
  /** The individual writes. */
  readonly writes: readonly string[];
  /** All writes joined. */
  readonly text: string;
  /** The lines of all writes; for output without cursor movement. */
  readonly lines: readonly string[];
  resize(columns: number, rows?: number): void;
  /** Whether offered text is dropped. */
  hold(on: boolean): void;
}

type Abilities = Partial<Pick<Terminal, "interactive" | "unicode" | "color" | "brief">>;

/** A pipe, unless `abilities` are given. */
export function fakeTerminal(abilities: Abilities = {}, columns = 80): FakeTerminal {
  const writes: string[] = [];
  let cells = columns;
  let height = 24;
  let busy = false;
  return {
    interactive: false,
    unicode: false,
    color: false,
    brief: false,
    ...abilities,
    write: (text) => void writes.push(text),
    offer: (text) => {
      if (!busy) writes.push(text);
      return !busy;
    },
    progress: (text) => {
      if (!busy) writes.push(text);
    },
    columns: () => cells,
    rows: () => height,
    writes,
    get text() {
      return writes.join("");
    },
    get lines() {
      return writes.join("").split("\n").slice(0, -1);
    },
    resize(columns, rows = height) {
      cells = columns;
      height = rows;
    },
    hold(on) {
      busy = on;
    },
  };
}

/** A terminal with Unicode and colors. */
export function colorTerminal(columns = 80): FakeTerminal {
  return fakeTerminal({ interactive: true, unicode: true, color: true }, columns);
}

export interface Screen {
  /** The rows from the top of the scrollback, without trailing blanks. */
  readonly rows: readonly string[];
  readonly cursorShown: boolean;
  /** Width of the widest row ever shown, in cells. */
  readonly widest: number;
}

/**
 * What a screen of unlimited width shows after `text`. Throws for escape sequences that renderers
 * must not use.
 */
export function screenOf(text: string): Screen {
  const rows: string[][] = [[]];
  let row = 0;
  let column = 0;
  let saved: readonly [number, number] = [0, 0];
  let cursorShown = true;
  let widest = 0;

  function measure(): void {
    widest = Math.max(widest, width(rows[row]!.join("")));
  }

  function escape(sequence: string): void {
    if (sequence === "\x1b7") saved = [row, column];
    else if (sequence === "\x1b8") [row, column] = saved;
    else control(sequence);
  }

  function control(sequence: string): void {
    const [, parameter = "", command = ""] = /^\p{Cc}\[(\??\d*)([A-Za-z])$/u.exec(sequence) ?? [];
    if (command === "A") row = Math.max(0, row - Number(parameter));
    else if (command === "K" && parameter === "") rows[row]!.length = column;
    else if (command === "J" && parameter === "") {
      rows[row]!.length = column;
      rows.length = row + 1;
    } else if (parameter === "?25") cursorShown = command === "h";
    else if (command !== "m" && parameter !== "?2026" && parameter !== "?7") {
      throw new Error(`unknown sequence ${JSON.stringify(sequence)}`);
    }
  }

  for (const [part] of text.matchAll(/\p{Cc}(?:\[[?\d;]*[A-Za-z]|[78])|[^]/gu)) {
    if (/^\p{Cc}/u.test(part)) measure();
    if (part.startsWith("\x1b")) escape(part);
    else if (part === "\r") column = 0;
    else if (part === "\n") {
      row++;
      column = 0;
      while (rows.length <= row) rows.push([]);
    } else {
      const line = rows[row]!;
      while (line.length < column) line.push(" ");
      line[column++] = part;
    }
  }
  measure();
  const shown = rows.map((line) => line.join("").trimEnd());
  while (shown.at(-1) === "") shown.pop();
  return { rows: shown, cursorShown, widest };
}
