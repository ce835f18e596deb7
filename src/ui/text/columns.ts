/** A list as columns of text. Widths are cells of the terminal. */

import { fit, glyphs, pad, width as cellsOf } from "../terminal/draw.ts";
import { oneLine } from "./redact.ts";

export interface ColumnOptions {
  /** Columns whose text ends where the column ends, such as numbers; counted from 0. */
  readonly right?: readonly number[];
  /** What is cut off shows as `...`, for streams that can show no `…`. */
  readonly ascii?: boolean;
}

/** Blanks between columns: as many as in `ollama list`, or fewer before anything is cut off. */
const GAP = 4;
const NARROW_GAP = 2;

/**
 * `header` and `rows` as lines that end with a line feed, every column as wide as its widest text. A header
 * of no words gives no line. No line is wider than `width` (Infinity: no limit, as for a pipe): the widest
 * columns are cut until the rest fits, what is cut ends with an ellipsis. Cells carry no colour: control
 * characters become blanks. Rows may be shorter than others.
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

/** The widths that share `room`: the widest columns give way first, none to less than one cell. */
function fitted(natural: readonly number[], room: number): readonly number[] {
  if (sumOf(natural) <= room) return natural;
  const most = (limit: number) => natural.map((cells) => Math.min(cells, limit));
  let limit = 1;
  while (sumOf(most(limit + 1)) <= room) limit++;
  // What is left over goes to the first of those that were cut.
  let spare = Math.max(0, room - sumOf(most(limit)));
  return most(limit).map((cells, i) => natural[i]! > cells && spare-- > 0 ? cells + 1 : cells);
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
