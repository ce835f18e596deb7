/** The moving picture of README.md. */

import assert from "node:assert/strict";
import { film, type Frame, still } from "../../docs/picture_svg.ts";
import type { Run } from "../ui/screen.ts";

function row(text: string): Run[] {
  return [{ column: 0, cells: text.length, text, color: undefined, bold: false, dim: false }];
}

function read(path: string): string {
  return Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url));
}

Deno.test("film() shows each row at its times, and rests where motion is not wanted", () => {
  const frames: Frame[] = [
    { rows: [row("same"), row("first")], seconds: 1 },
    { rows: [row("same"), row("second")], seconds: 3 },
  ];
  const text = film(frames, frames[0]!.rows, 20, "a film");
  const groups = [...text.matchAll(/<g class="m (r\d+)"([^>]*)>\n.*>(\w+)<\/text>/g)];
  assert.deepEqual(groups.map(([_, name, hidden, word]) => [name, hidden, word]), [
    ["r0", "", "first"],
    ["r1", ' visibility="hidden"', "second"],
  ]);
  assert.ok(text.includes("@keyframes r0{0%{visibility:visible}25%{visibility:hidden}}"), text);
  assert.ok(text.includes("@keyframes r1{0%{visibility:hidden}25%{visibility:visible}}"), text);
  assert.match(text, /animation-duration:4s/);
  assert.match(text, /@media \(prefers-reduced-motion:reduce\)\{\.m\{animation:none\}\}/);
  assert.equal(text.match(/>same</g)?.length, 1);
});

Deno.test("the pictures in README have no script, and rest in the same image", () => {
  const readme = read("README.md");
  const [moving, resting] = ["docs/pullama.svg", "docs/pullama-still.svg"].map((path) => {
    assert.ok(readme.includes(`"${path}"`), path);
    const text = read(path);
    assert.doesNotMatch(text, /<script|\bon\w+=|href|<foreignObject/i, path);
    assert.ok(text.length < 150_000, `${path} has ${text.length} bytes`);
    return text;
  });
  const atRest = moving!.replaceAll(/<style>[^]*?<\/style>\n/g, "")
    .replaceAll(/<g class="m r\d+" visibility="hidden">\n[^]*?<\/g>\n/g, "")
    .replaceAll(/<g class="m r\d+">\n|<\/g>\n/g, "");
  assert.equal(atRest, resting);
  assert.equal(still([], 1, "x").includes("<style>"), false);
});
