import assert from "node:assert/strict";
import fc from "fast-check";
import {
  bar,
  box,
  fit,
  frameBottom,
  frameTop,
  glyphs,
  pad,
  rowsOf,
  width,
  wrap,
} from "../../../src/ui/terminal/draw.ts";

const UNICODE = glyphs(true);
const ASCII = glyphs(false);

Deno.test("bar() fills a cell in eighths", () => {
  assert.equal(bar(0, 4, UNICODE), "░░░░");
  assert.equal(bar(1 / 32, 4, UNICODE), "▏░░░");
  assert.equal(bar(0.25, 4, UNICODE), "█░░░");
  assert.equal(bar(0.625, 4, UNICODE), "██▌░");
  assert.equal(bar(1, 4, UNICODE), "████");
});

Deno.test("bar() uses # and . in ASCII", () => {
  assert.equal(bar(0.5, 4, ASCII), "##..");
});

Deno.test("bar() is exactly as wide as requested, and full only at the end", () => {
  fc.assert(fc.property(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.integer({ min: 0, max: 60 }),
    fc.boolean(),
    (fraction, cells, unicode) => {
      const drawn = bar(fraction, cells, glyphs(unicode));
      assert.equal(width(drawn), cells);
      const full = (unicode ? "█" : "#").repeat(cells);
      if (cells > 0) assert.equal(drawn === full, fraction === 1);
    },
  ));
});

Deno.test("fit() counts cells and marks truncated text", () => {
  assert.equal(fit("hello", 5, UNICODE), "hello");
  assert.equal(fit("hello there", 8, UNICODE), "hello t…");
  assert.equal(fit("hello there", 8, ASCII), "hello...");
  assert.equal(fit("日本語のモデル", 6, UNICODE), "日本…");
});

Deno.test("fit() and pad() never exceed the requested width", () => {
  fc.assert(fc.property(
    fc.string({ unit: fc.constantFrom("a", "é", "日", "👍", "…", " ") }),
    fc.integer({ min: 0, max: 40 }),
    (text, cells) => {
      assert.ok(width(fit(text, cells, UNICODE)) <= cells);
      assert.equal(width(pad(text, cells, UNICODE)), cells);
    },
  ));
});

Deno.test("box() is closed on all sides at any width", () => {
  assert.deepEqual(box("✓ pulled m", ["size 2.0 GB"], 18, UNICODE), [
    "╔════════════════╗",
    "║ ✓ pulled m     ║",
    "╠════════════════╣",
    "║ size 2.0 GB    ║",
    "╚════════════════╝",
  ]);
  for (const cells of [6, 11, 40, 120]) {
    for (const line of box("a rather long heading", ["日本語"], cells, UNICODE)) {
      assert.equal(width(line), cells);
    }
  }
});

Deno.test("frameTop() and frameBottom() have the same width, and a long title is truncated", () => {
  assert.equal(frameTop("pulling m", 20, UNICODE), "╭─ pulling m ──────╮");
  assert.equal(frameBottom(20, UNICODE), "╰──────────────────╯");
  for (const cells of [8, 19, 60]) {
    assert.equal(width(frameTop("pulling user/model:latest", cells, ASCII)), cells);
    assert.equal(width(frameBottom(cells, ASCII)), cells);
  }
});

Deno.test("wrap() breaks between words, and splits only words that are too long for a line", () => {
  assert.deepEqual(wrap("the quick brown fox", 10), ["the quick", "brown fox"]);
  assert.deepEqual(wrap("see /a/very/long/path now", 8), ["see", "/a/very/", "long/pat", "h now"]);
  assert.deepEqual(wrap("日本語の モデル", 6), ["日本語", "の", "モデル"]);
  assert.deepEqual(wrap("", 10), []);
});

Deno.test("wrap() loses no text and exceeds the requested width in no line", () => {
  fc.assert(fc.property(
    fc.string({ unit: fc.constantFrom("a", "é", "日", "👍", "…", " ") }),
    fc.integer({ min: 2, max: 40 }),
    (text, cells) => {
      const lines = wrap(text, cells);
      assert.ok(lines.every((line) => width(line) <= cells));
      assert.equal(lines.join("").replaceAll(" ", ""), text.replaceAll(" ", ""));
    },
  ));
});

Deno.test("rowsOf() counts the rows of a line that is wrapped in a narrower window", () => {
  assert.equal(rowsOf("", 10), 1);
  assert.equal(rowsOf("a".repeat(10), 10), 1);
  assert.equal(rowsOf("a".repeat(21), 10), 3);
  assert.equal(rowsOf(`\x1b[32m${"a".repeat(10)}\x1b[39m`, 10), 1);
  // A wide character is not split: the row before it ends one cell earlier.
  assert.equal(rowsOf("日".repeat(5), 5), 3);
});
