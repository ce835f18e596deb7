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

  /** The frames until the window is believed to stay as it is. */
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
   * What the screen must look like now, down to the last line. Where a wide character does not fit any more
   * at the end of a row, a broken line has a blank too many: `blanks` false does not look at them.
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

/** What may happen while the window stays as it is; lines are made of `words`. */
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
      // Only live lines wipe away what is typed.
      return show.drawn.length > 0 ? await show.screen.write(what.text) : undefined;
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

Deno.test("redrawLines() shows what was printed and the live lines and nothing else, whatever is typed", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 20, max: 300 }),
      fc.integer({ min: 12, max: 60 }),
      fc.array(fc.oneof(acts([...WORDS, "👍👍"]), TYPE), { maxLength: 25 }),
      async (columns, rows, course) => {
        using show = new Show(columns, rows);
        let typed = 0;
        for (const what of course) {
          // More line feeds between two frames than there are free rows scroll the screen.
          if (what.do === "type") typed += what.text.split("\n").length - 1;
          if (what.do === "draw" || what.do === "clear") typed = 0;
          if (typed <= 2) await act(show, what);
        }
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("redrawLines() is right after a resize: in what the window shows no line is twice or torn", async () => {
  await fc.assert(
    // Terminals do not agree about how wide a picture is.
    fc.asyncProperty(fc.array(fc.oneof(acts(WORDS), RESIZE), { maxLength: 20 }), async (course) => {
      using show = new Show(80, 24);
      let whole = true;
      for (const what of course) {
        if (what.do !== "resize") {
          if (whole) await act(show, what, false);
          continue;
        }
        const broken = show.drawn.reduce((sum, line) => sum + rowsOf(line, what.columns), 0);
        // Rows that were pushed out of the window are out of reach.
        if (broken >= Math.min(what.rows, show.out.rows()) - 3) whole = false;
        if (!whole) continue;
        await act(show, what);
        await show.settle();
        show.expect(false);
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("redrawLines() leaves the cursor where it is seen, on a free row below them", async () => {
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
  assert.ok(!show.out.text.includes("\x1b[?25"), "what is never hidden cannot get lost");
});

Deno.test("redrawLines() leaves out live lines that the terminal does not take, but no line that stays", async () => {
  using show = new Show(40);
  show.region = ["one", "two", "three"];
  await show.frame();
  show.out.hold(true);
  for (const region of [["one"], ["1", "2", "3", "4"], ["one"]]) {
    show.region = region;
    await show.frame();
    assert.deepEqual(show.screen.lines, ["one", "two", "three"]);
  }
  show.print("a line that stays");
  await show.frame();
  show.expect();
  show.region = ["one", "two"];
  show.out.hold(false);
  await show.frame();
  show.expect();
});

Deno.test("redrawLines() writes a frame at once, with one line feed at its end and inside a synchronized update", async () => {
  using show = new Show(40);
  show.region = ["one", "two"];
  show.print("a line");
  await show.frame();
  assert.equal(show.out.writes.length, 1);
  assert.ok(show.out.text.startsWith("\x1b[?2026h"));
  assert.ok(show.out.text.endsWith("\x1b[?2026l\n"));
});

Deno.test("redrawLines() never has more lines than the window, however low that is", async () => {
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

Deno.test("redrawLines() stays in its place at the end of the screen when line feeds are typed", async () => {
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

Deno.test("redrawLines() wipes away what is typed, even while nothing changes", async () => {
  using show = new Show(40);
  show.region = ["one", "two"];
  await show.frame();
  await show.screen.write("ls -l");
  for (let i = 0; i < 3; i++) await show.frame();
  show.expect();
});

Deno.test("redrawLines() breaks no line of a window that has become narrower this very moment", async () => {
  using show = new Show(80);
  show.region = ["x".repeat(79), "y".repeat(79)];
  show.screen.resize(30, 24);
  for (let i = 0; i < 3; i++) {
    show.region = [...show.region].reverse();
    await show.frame();
    assert.deepEqual(show.screen.lines.map((line) => line.length), [30, 30]);
  }
});
