import assert from "node:assert/strict";
import fc from "fast-check";
import { fit, glyphs, rowsOf } from "../../../src/ui/terminal/draw.ts";
import { redrawLines } from "../../../src/ui/terminal/redraw.ts";
import { type FakeClock, fakeClock } from "../fake_clock.ts";
import { colorTerminal, type FakeTerminal } from "../fake_terminal.ts";
import { Screen } from "../screen.ts";

/** Live lines on a real screen. */
class Show implements Disposable {
  readonly clock: FakeClock = fakeClock();
  readonly out: FakeTerminal;
  readonly screen: Screen;
  readonly printed: string[] = [];
  region: readonly string[] = [];
  drawn: readonly string[] = [];
  #shown = 0;
  readonly #live: ReturnType<typeof redrawLines>;

  constructor(columns: number, rows = 24) {
    this.out = colorTerminal(columns);
    this.out.resize(columns, rows);
    this.screen = new Screen(columns, rows);
    this.#live = redrawLines(this.out, this.clock, (cells, most) => {
      this.drawn = this.region.slice(0, most).map((line) => fit(line, cells, glyphs(true)));
      return this.drawn;
    });
  }

  print(line: string): void {
    const cut = fit(line, this.out.columns() - 1, glyphs(true));
    this.printed.push(cut);
    this.#live.print(cut);
  }

  async frame(): Promise<void> {
    this.clock.advance(100);
    this.#live.frame();
    await this.#show();
  }

  /** Draws frames until the size of the window counts as stable. */
  async settle(): Promise<void> {
    for (let i = 0; i < 10; i++) await this.frame();
  }

  async clear(): Promise<void> {
    this.#live.clear();
    this.drawn = [];
    await this.#show();
  }

  resize(columns: number, rows: number): void {
    this.out.resize(columns, rows);
    this.screen.resize(columns, rows);
  }

  /**
   * Checks all lines of the screen. If a wide character does not fit at the end of a row, a wrapped
   * line has an extra blank: with `blanks` false, blanks are ignored.
   */
  expect(blanks = true): void {
    const seen = (line: string) => blanks ? line.trimEnd() : line.replaceAll(" ", "");
    const expected = [...this.printed, ...this.drawn].map(seen);
    while (expected.at(-1) === "") expected.pop();
    assert.deepEqual(this.screen.lines.map(seen), expected);
    assert.equal(this.screen.atRest, true);
  }

  async #show(): Promise<void> {
    for (const text of this.out.writes.slice(this.#shown)) await this.screen.write(text);
    this.#shown = this.out.writes.length;
  }

  [Symbol.dispose](): void {
    this.screen[Symbol.dispose]();
  }
}

const WORDS = ["pulling", "дом", "模型の名前", "naïve", "█▌░░", "x".repeat(90)];

type Act =
  | { readonly do: "print" | "type"; readonly text: string }
  | { readonly do: "draw"; readonly region: readonly string[] }
  | { readonly do: "clear" }
  | { readonly do: "resize"; readonly columns: number; readonly rows: number };

/** Actions that do not resize the window; lines consist of `words`. */
function acts(words: readonly string[]): fc.Arbitrary<Act> {
  const line = fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 20 })
    .map((parts) => parts.join(" "));
  const draw = fc.record({
    do: fc.constant("draw" as const),
    region: fc.array(line, { maxLength: 7 }),
  });
  return fc.oneof(
    fc.record({ do: fc.constant("print" as const), text: line }),
    draw,
    draw,
    fc.constant({ do: "clear" as const }),
  );
}

const TYPE: fc.Arbitrary<Act> = fc.record({
  do: fc.constant("type" as const),
  text: fc.constantFrom("a", "ls -l", "\r\n", "\r\n\r\n", "^C", "q\r\n"),
});

const RESIZE: fc.Arbitrary<Act> = fc.record({
  do: fc.constant("resize" as const),
  columns: fc.integer({ min: 20, max: 160 }),
  rows: fc.integer({ min: 12, max: 50 }),
});

async function act(show: Show, what: Act, blanks = true): Promise<void> {
  switch (what.do) {
    case "print":
      return show.print(what.text);
    case "type":
      // Typed text is erased only while there are live lines, and after 300 ms if these are the same.
      if (show.drawn.length === 0) return;
      show.clock.advance(300);
      return await show.screen.write(what.text);
    case "draw":
      show.region = what.region;
      await show.frame();
      return show.expect(blanks);
    case "clear":
      await show.clear();
      return show.expect(blanks);
    case "resize":
      return show.resize(what.columns, what.rows);
    default:
      return what satisfies never;
  }
}

Deno.test("redrawLines() shows only printed and live lines, whatever is typed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 20, max: 300 }),
      fc.integer({ min: 12, max: 60 }),
      fc.array(fc.oneof(acts([...WORDS, "👍👍"]), TYPE), { maxLength: 25 }),
      async (columns, rows, course) => {
        using show = new Show(columns, rows);
        let typed = 0;
        for (const what of course) {
          // More line feeds between two frames than free rows would scroll the screen.
          if (what.do === "type") typed += what.text.split("\n").length - 1;
          if (what.do === "draw" || what.do === "clear") typed = 0;
          if (typed <= 2) await act(show, what);
        }
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("redrawLines() shows no line twice or torn after a resize", async () => {
  await fc.assert(
    // Terminals disagree about the width of emoji, so there are none here.
    fc.asyncProperty(fc.array(fc.oneof(acts(WORDS), RESIZE), { maxLength: 20 }), async (course) => {
      using show = new Show(80, 24);
      let whole = true;
      for (const what of course) {
        if (what.do !== "resize") {
          if (whole) await act(show, what, false);
          continue;
        }
        const wrapped = show.drawn.reduce((sum, line) => sum + rowsOf(line, what.columns), 0);
        // Rows that were scrolled out of the window cannot be redrawn.
        if (wrapped >= Math.min(what.rows, show.out.rows()) - 3) whole = false;
        if (!whole) continue;
        await act(show, what);
        await show.settle();
        show.expect(false);
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("redrawLines() leaves the cursor visible, on a free row below the lines", async () => {
  using show = new Show(40);
  show.region = ["one", "two"];
  for (let i = 0; i < 3; i++) {
    show.region = [`one ${i}`, "two"];
    await show.frame();
    assert.equal(show.screen.cursorShown, true);
    assert.deepEqual(show.screen.cursor, [2, 0]);
  }
  await show.clear();
  assert.deepEqual(show.screen.cursor, [0, 0]);
  assert.ok(!show.out.text.includes("\x1b[?25"), "the cursor is never hidden");
});

Deno.test("redrawLines() drops live lines while the terminal is busy, but no permanent lines", async () => {
  using show = new Show(40);
  show.region = ["one", "two", "three"];
  await show.frame();
  show.out.hold(true);
  for (const region of [["one"], ["1", "2", "3", "4"], ["one"]]) {
    show.region = region;
    await show.frame();
    assert.deepEqual(show.screen.lines, ["one", "two", "three"]);
  }
  show.print("a permanent line");
  await show.frame();
  show.expect();
  show.region = ["one", "two"];
  show.out.hold(false);
  await show.frame();
  show.expect();
});

Deno.test("redrawLines() writes a frame in one write, as a synchronized update with a final line feed", async () => {
  using show = new Show(40);
  show.region = ["one", "two"];
  show.print("a line");
  await show.frame();
  assert.equal(show.out.writes.length, 1);
  assert.ok(show.out.text.startsWith("\x1b[?2026h"));
  assert.ok(show.out.text.endsWith("\x1b[?2026l\n"));
});

Deno.test("redrawLines() never draws more lines than the window has", async () => {
  for (const rows of [2, 3, 5, 9, 10, 12]) {
    using show = new Show(40, rows);
    show.region = Array.from({ length: 20 }, (_, i) => `line ${i}`);
    for (let i = 0; i < 3; i++) {
      show.region = [...show.region.slice(1), `more ${i}`];
      await show.frame();
      show.expect();
    }
  }
});

Deno.test("redrawLines() stays in place at the bottom of the screen when line feeds are typed", async () => {
  using show = new Show(40, 14);
  for (let i = 0; i < 30; i++) show.print(`line ${i}`);
  show.region = ["one", "two", "three"];
  for (let i = 0; i < 5; i++) {
    await show.frame();
    show.expect();
    await show.screen.write("\r\n\r\n");
    show.region = [`one ${i}`, "two", "three"];
  }
});

Deno.test("redrawLines() erases typed text even while nothing changes", async () => {
  using show = new Show(40);
  show.region = ["one", "two"];
  await show.frame();
  await show.screen.write("ls -l");
  for (let i = 0; i < 3; i++) await show.frame();
  show.expect();
});

Deno.test("redrawLines() wraps no line in a window that has just become narrower", async () => {
  using show = new Show(80);
  show.region = ["x".repeat(79), "y".repeat(79)];
  show.screen.resize(30, 24);
  for (let i = 0; i < 3; i++) {
    show.region = [...show.region].reverse();
    await show.frame();
    assert.deepEqual(show.screen.lines.map((line) => line.length), [30, 30]);
  }
});
