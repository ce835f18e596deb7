/** Rows of text in columns. Widths are terminal cells. */

import { fit, glyphs, pad, width as cellsOf } from "../terminal/draw.ts";
import { oneLine } from "./redact.ts";

export interface ColumnOptions {
  /** Right-aligned columns, such as numbers; counted from 0. */
  readonly right?: readonly number[];
  /** The ellipsis is `...` instead of `…`. */
  readonly ascii?: boolean;
}

/** Blanks between columns: as in `ollama list`, or fewer if the rows would not fit. */
const GAP = 4;
const NARROW_GAP = 2;

/**
 * `header` and `rows` as lines that end with a line feed, every column as wide as its widest text.
 * An empty header gives no line. No line is wider than `width` (Infinity: no limit, as for a pipe):
 * the widest columns are truncated until the rest fits, with an ellipsis. Text has no colors:
 * control characters are replaced by blanks. Rows may have fewer cells than others.
 */
export function columnsText(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  width: number,
  options: ColumnOptions = {},
): string {
  const table = (header.length > 0 ? [header, ...rows] : rows).map((row) => row.map(oneLine));
  const count = Math.max(0, ...table.map((row) => row.length));
  const natural = Array.from(
    { length: count },
    (_, i) => table.reduce((most, row) => Math.max(most, cellsOf(row[i] ?? "")), 0),
  );
  const gap = sumOf(natural) + GAP * (count - 1) <= width ? GAP : NARROW_GAP;
  const cells = fitted(natural, width - gap * (count - 1));
  const g = glyphs(!(options.ascii ?? false));
  const line = (row: readonly string[]) => {
    const columns = cells.map((most, i) => {
      const text = fit(row[i] ?? "", most, g);
      return options.right?.includes(i)
        ? text.padStart(text.length + most - cellsOf(text))
        : pad(text, most, g);
    });
    return `${fit(columns.join(" ".repeat(gap)).trimEnd(), width, g)}\n`;
  };
  return table.map(line).join("");
}

/**
 * The widths that fit in `room`: the widest columns are narrowed first, none to less than one cell.
 */
function fitted(natural: readonly number[], room: number): readonly number[] {
  if (sumOf(natural) <= room) return natural;
  const most = (limit: number) => natural.map((cells) => Math.min(cells, limit));
  let limit = 1;
  while (sumOf(most(limit + 1)) <= room) limit++;
  // The remaining cells go to the first of the narrowed columns.
  let spare = Math.max(0, room - sumOf(most(limit)));
  return most(limit).map((cells, i) => natural[i]! > cells && spare-- > 0 ? cells + 1 : cells);
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
