/** That docs/cases.md explains the numbered cases in test titles. */

import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { filesBelow, withoutComments } from "./sources.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The start of a title: "case 52: ", "case 46, 47, 50: ", "cases 75 and 76: ", or "case 46" alone. */
const TITLE = /["`]cases? (\d+(?:(?:, | and )\d+)*)(?=[:"`])/g;

function read(path: string): string {
  return Deno.readTextFileSync(join(ROOT, path));
}

/** The case numbers in test titles, ascending. */
function casesInTests(): number[] {
  const files = filesBelow("tests").filter((path) => path.endsWith("_test.ts"));
  const lists = files.flatMap((path) =>
    [...withoutComments(read(path)).matchAll(TITLE)].map((hit) => hit[1]!)
  );
  const numbers = lists.flatMap((list) => list.match(/\d+/g) ?? []).map(Number);
  return [...new Set(numbers)].sort((a, b) => a - b);
}

/** The rows of the table in docs/cases.md, in order. */
function rows(): { number: number; text: string }[] {
  return [...read("docs/cases.md").matchAll(/^\| (\d+) \| (.+) \|$/gm)]
    .map(([, number, text]) => ({ number: Number(number), text: text! }));
}

Deno.test("docs/cases.md has a row for every case in a test title, and a test for every row", () => {
  const cases = casesInTests();
  assert.ok(cases.length > 100, `${cases.length} cases`);
  const listed = rows().map(({ number }) => number);
  const casesWithoutRow = cases.filter((number) => !listed.includes(number));
  const rowsWithoutTest = listed.filter((number) => !cases.includes(number));
  assert.deepEqual({ casesWithoutRow, rowsWithoutTest }, {
    casesWithoutRow: [],
    rowsWithoutTest: [],
  });
  assert.deepEqual(listed, cases, "the rows are not in the order of their numbers, each once");
});

Deno.test("every row of docs/cases.md is one sentence with a given and a then", () => {
  const odd = rows().filter(({ text }) => !/^Given .*\bthen .*\.$/.test(text));
  assert.deepEqual(odd, []);
});
