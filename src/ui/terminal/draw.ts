/** Text layout: lines, bars, frames and boxes. Widths are terminal cells, not characters. */

import truncatedWidth from "fast-string-truncated-width";
import stringWidth from "fast-string-width";

const COLOR_CODES = /\p{Cc}\[[\d;]*m/gu;

/** Everything that differs between Unicode and ASCII output. */
export interface Glyphs {
  readonly title: string;
  readonly done: string;
  readonly cached: string;
  readonly begin: string;
  readonly problem: string;
  readonly failed: string;
  readonly note: string;
  /** Between the parts of a line. */
  readonly separator: string;
  readonly ellipsis: string;
  readonly dash: string;
  /** Fill levels of a bar cell, from the smallest to the full one. */
  readonly parts: readonly string[];
  readonly empty: string;
  readonly frame: Frame;
  readonly box: Box;
}

interface Frame {
  readonly topLeft: string;
  readonly topRight: string;
  readonly bottomLeft: string;
  readonly bottomRight: string;
  readonly across: string;
  readonly down: string;
}

interface Box extends Frame {
  readonly left: string;
  readonly right: string;
}

const UNICODE: Glyphs = {
  title: "▸",
  done: "✓",
  cached: "◆",
  begin: "›",
  problem: "!",
  failed: "✗",
  note: "·",
  separator: " · ",
  ellipsis: "…",
  dash: "—",
  parts: ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
  empty: "░",
  frame: frameOf("╭╮╰╯─│"),
  box: { ...frameOf("╔╗╚╝═║"), left: "╠", right: "╣" },
};

const ASCII: Glyphs = {
  title: ">",
  done: "+",
  cached: "=",
  begin: ">",
  problem: "!",
  failed: "x",
  note: "-",
  separator: ", ",
  ellipsis: "...",
  dash: "-",
  parts: ["#"],
  empty: ".",
  frame: frameOf("++++-|"),
  box: { ...frameOf("++++=|"), left: "+", right: "+" },
};

/** The glyphs for a stream with or without Unicode. */
export function glyphs(unicode: boolean): Glyphs {
  return unicode ? UNICODE : ASCII;
}

/** Width of `text` in cells. */
export function width(text: string): number {
  return stringWidth(text);
}

/**
 * Rows that `line` takes in a window of `columns`, which may have been wider when it was written.
 */
export function rowsOf(line: string, columns: number): number {
  if (width(line) <= columns) return 1;
  let rows = 1;
  let used = 0;
  for (const character of line.replace(COLOR_CODES, "")) {
    const cells = width(character);
    if (used + cells > columns) {
      rows++;
      used = 0;
    }
    used += cells;
  }
  return rows;
}

/**
 * `text` truncated to at most `cells`, ending with an ellipsis if it was cut. `text` has no color
 * codes.
 */
export function fit(text: string, cells: number, g: Glyphs): string {
  const limit = Math.max(0, cells);
  const ellipsis = limit > 2 * g.ellipsis.length ? g.ellipsis : "";
  const cut = truncatedWidth(text, { limit, ellipsis });
  if (!cut.truncated) return text;
  // The index is off by some cells after characters other than Latin and CJK.
  const kept = [...text.slice(0, cut.index)];
  while (kept.length > 0 && width(kept.join("") + ellipsis) > limit) kept.pop();
  return kept.join("") + ellipsis;
}

/** `text` truncated or padded with blanks to exactly `cells`. */
export function pad(text: string, cells: number, g: Glyphs): string {
  const fitted = fit(text, cells, g);
  return fitted + " ".repeat(Math.max(0, cells - width(fitted)));
}

/** A bar of `cells` cells, filled to an eighth of a cell; `fraction` from 0 to 1. */
export function bar(fraction: number, cells: number, g: Glyphs): string {
  return barParts(fraction, cells, g).join("");
}

/** The same as two strings, the filled and the empty part. */
export function barParts(
  fraction: number,
  cells: number,
  g: Glyphs,
): readonly [filled: string, empty: string] {
  const steps = g.parts.length;
  const filled = Math.floor(Math.min(1, Math.max(0, fraction)) * cells * steps);
  const whole = Math.floor(filled / steps);
  const part = g.parts[filled % steps - 1] ?? "";
  return [
    (g.parts.at(-1) ?? "").repeat(whole) + part,
    g.empty.repeat(cells - whole - (part === "" ? 0 : 1)),
  ];
}

/** `text` in lines of at most `cells`, broken between words; longer words are split. */
export function wrap(text: string, cells: number): string[] {
  const limit = Math.max(2, cells);
  const lines: string[] = [];
  let line = "";
  const end = () => {
    if (line !== "") lines.push(line);
    line = "";
  };
  for (const word of text.split(" ").filter((each) => each !== "")) {
    if (line !== "" && width(line) + 1 + width(word) <= limit) {
      line += ` ${word}`;
      continue;
    }
    end();
    for (const character of word) {
      if (width(line + character) > limit) end();
      line += character;
    }
  }
  end();
  return lines;
}

/** The top edge of a frame with a title in it, `cells` wide. */
export function frameTop(title: string, cells: number, g: Glyphs): string {
  const { topLeft, topRight, across } = g.frame;
  const head = fit(`${topLeft}${across} ${title} `, cells - 1, g);
  return head + across.repeat(Math.max(0, cells - 1 - width(head))) + topRight;
}

/** The bottom edge of a frame, `cells` wide. */
export function frameBottom(cells: number, g: Glyphs): string {
  const { bottomLeft, bottomRight, across } = g.frame;
  return bottomLeft + across.repeat(Math.max(0, cells - 2)) + bottomRight;
}

/** A closed box, `cells` wide: a heading, and the rows below a rule. */
export function box(heading: string, rows: readonly string[], cells: number, g: Glyphs): string[] {
  const { topLeft, topRight, bottomLeft, bottomRight, across, down, left, right } = g.box;
  const inner = Math.max(0, cells - 4);
  const edge = across.repeat(inner + 2);
  const row = (text: string) => `${down} ${pad(text, inner, g)} ${down}`;
  return [
    topLeft + edge + topRight,
    row(heading),
    left + edge + right,
    ...rows.map(row),
    bottomLeft + edge + bottomRight,
  ];
}

function frameOf(corners: string): Frame {
  const [topLeft = "", topRight = "", bottomLeft = "", bottomRight = "", across = "", down = ""] =
    corners;
  return { topLeft, topRight, bottomLeft, bottomRight, across, down };
}
