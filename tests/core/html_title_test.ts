import assert from "node:assert/strict";
import { htmlTitle } from "../../src/core/html_title.ts";

Deno.test("htmlTitle() finds the title of a page, without markup", () => {
  const cases: readonly (readonly [html: string, title: string])[] = [
    ["<html><head><title>502 Bad Gateway</title></head>", "502 Bad Gateway"],
    ['<TITLE lang="en">\n  Log in &amp; go &#45; &#x2014;\n</TITLE>', "Log in & go - \u2014"],
    [
      "<title>a &nosuch; &#9999999; &constructor; b</title>",
      "a &nosuch; &#9999999; &constructor; b",
    ],
    ["<title>cut off", "cut off"],
    ["<title></title>", ""],
    ["<titles>no</titles>", ""],
    ["no page", ""],
  ];
  for (const [html, title] of cases) assert.equal(htmlTitle(html), title, html);
});

Deno.test("htmlTitle() takes no longer for a hostile page", () => {
  assert.equal(htmlTitle("<title ".repeat(10_000)), "");
  assert.equal(htmlTitle(`<title>${"x".repeat(1 << 20)}`).length, 1000);
});
