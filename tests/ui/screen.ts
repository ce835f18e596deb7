/** A real terminal emulator without a window. */

import xterm from "@xterm/headless";

const SCROLLBACK = 5_000;
const WIDEST = 1_000;

/** Adjacent cells with the same attributes. */
export interface Run {
  readonly column: number;
  readonly cells: number;
  readonly text: string;
  /** One of the eight colors; undefined for the default. */
  readonly color: number | undefined;
  readonly bold: boolean;
  readonly dim: boolean;
}

export class Screen implements Disposable {
  readonly #terminal: InstanceType<typeof xterm.Terminal>;
  #cursorShown = true;
  #wraps = true;
  #synchronized = false;

  constructor(columns: number, rows = 24) {
    this.#terminal = new xterm.Terminal({
      cols: columns,
      rows,
      scrollback: SCROLLBACK,
      allowProposedApi: true,
      convertEol: true,
    });
    for (const [final, on] of [["h", true], ["l", false]] as const) {
      this.#terminal.parser.registerCsiHandler({ prefix: "?", final }, ([mode]) => {
        if (mode === 25) this.#cursorShown = on;
        if (mode === 7) this.#wraps = on;
        if (mode === 2026) this.#synchronized = on;
        return false;
      });
    }
  }

  write(text: string): Promise<void> {
    return new Promise((resolve) => this.#terminal.write(text, resolve));
  }

  resize(columns: number, rows: number): void {
    this.#terminal.resize(columns, rows);
  }

  /** The lines from the top of the scrollback, unwrapped, without trailing blanks. */
  get lines(): string[] {
    return this.#lines(0);
  }

  /** The lines that the window shows. */
  get visible(): string[] {
    return this.#lines(this.#terminal.buffer.active.baseY);
  }

  /** Row and column of the cursor; the row is the index into `lines` if no line is wrapped. */
  get cursor(): readonly [row: number, column: number] {
    const { baseY, cursorY, cursorX } = this.#terminal.buffer.active;
    return [baseY + cursorY, cursorX];
  }

  get cursorShown(): boolean {
    return this.#cursorShown;
  }

  /** All modes that a shell needs are restored. */
  get atRest(): boolean {
    return this.#wraps && !this.#synchronized;
  }

  /** The rows that the window shows, with their colors. */
  get painted(): Run[][] {
    const { active } = this.#terminal.buffer;
    return Array.from({ length: this.#terminal.rows }, (_, y) => {
      const row = active.getLine(active.baseY + y)!;
      const runs: Run[] = [];
      for (let column = 0; column < this.#terminal.cols; column++) {
        const cell = row.getCell(column)!;
        if (cell.getWidth() === 0) continue;
        const text = cell.getChars() || " ";
        const style = {
          color: cell.isFgPalette() ? cell.getFgColor() : undefined,
          bold: cell.isBold() !== 0,
          dim: cell.isDim() !== 0,
        };
        const last = runs.at(-1);
        const same = last !== undefined && last.color === style.color &&
          last.bold === style.bold && last.dim === style.dim;
        if (same) {
          runs[runs.length - 1] = {
            ...last,
            text: last.text + text,
            cells: last.cells + cell.getWidth(),
          };
        } else runs.push({ ...style, text, column, cells: cell.getWidth() });
      }
      return runs;
    });
  }

  #lines(from: number): string[] {
    const { active } = this.#terminal.buffer;
    const lines: string[] = [];
    for (let y = from; y < active.length; y++) {
      const row = active.getLine(y)!;
      const continues = active.getLine(y + 1)?.isWrapped ?? false;
      const text = row.translateToString(!continues);
      if (row.isWrapped && lines.length > 0) lines.push(lines.pop() + text);
      else lines.push(text);
    }
    const whole = lines.map((line) => line.trimEnd());
    while (whole.at(-1) === "") whole.pop();
    return whole;
  }

  [Symbol.dispose](): void {
    // A timer frees memory after the window became narrower; it ends when that becomes wider.
    this.#terminal.resize(WIDEST, this.#terminal.rows);
    this.#terminal.dispose();
  }
}
