import assert from "node:assert/strict";
import fc from "fast-check";
import { columnsText } from "../../../src/ui/text/columns.ts";
import { width } from "../../../src/ui/terminal/draw.ts";

const HEADER = ["NAME", "ID", "SIZE"];
const ROWS = [
  ["llama3.2:latest", "a80c4f17acd5", "2.0 GB"],
  ["hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M", "0123456789ab", "807 MB"],
];

Deno.test("columnsText() makes every column as wide as its widest text, without trailing blanks", () => {
  assert.equal(
    columnsText(["NAME", "SIZE"], [["a", "1 B"], ["longer", "10 GB"], ["b", ""]], Infinity),
    "NAME      SIZE\n" +
      "a         1 B\n" +
      "longer    10 GB\n" +
      "b\n",
  );
});

Deno.test("columnsText() truncates only the widest column in a narrow window", () => {
  assert.equal(
    columnsText(HEADER, ROWS, 40),
    "NAME                ID            SIZE\n" +
      "llama3.2:latest     a80c4f17acd5  2.0 GB\n" +
      "hf.co/bartowski/L…  0123456789ab  807 MB\n",
  );
});

Deno.test("columnsText() marks truncated text with ASCII if requested", () => {
  const text = columnsText(HEADER, ROWS, 40, { ascii: true });
  assert.ok(text.endsWith("hf.co/bartowski...  0123456789ab  807 MB\n"), text);
});

Deno.test("columnsText() right-aligns the given columns", () => {
  assert.equal(
    columnsText(["N", "SIZE", "X"], [["a", "1 B", "x"], ["b", "漢 GB", "y"]], 80, { right: [1] }),
    "N     SIZE    X\n" +
      "a      1 B    x\n" +
      "b    漢 GB    y\n",
  );
});

Deno.test("columnsText() counts cells, not characters", () => {
  assert.equal(
    columnsText([], [["模型", "x"], ["abcd", "y"], ["é", "z"]], 80),
    "模型    x\nabcd    y\né       z\n",
  );
});

Deno.test("columnsText() accepts an empty header, short rows and no rows", () => {
  assert.equal(columnsText([], [], 80), "");
  assert.equal(columnsText([], [["a"], ["b", "c"]], 80), "a\nb    c\n");
  assert.equal(columnsText(["NAME", "SIZE"], [], 80), "NAME    SIZE\n");
});

Deno.test("columnsText() prints no control characters or escape sequences", () => {
  assert.equal(
    columnsText([], [["a\x1b[31mred\x9b2J\r\nb\u202e", "x"]], 80),
    "a [31mred 2J b    x\n",
  );
});

Deno.test("columnsText() is never wider than the window", () => {
  const cell = fc.oneof(
    fc.string({ unit: "grapheme", maxLength: 30 }),
    fc.string({ maxLength: 60 }),
  );
  const rows = fc.array(fc.array(cell, { maxLength: 5 }), { maxLength: 5 });
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 120 }), fc.boolean(), (table, cells, ascii) => {
      for (const line of columnsText([], table, cells, { ascii, right: [1] }).split("\n")) {
        assert.ok(width(line) <= cells, JSON.stringify(line));
      }
    }),
  );
});
