/** Checks the documents in docs/ against the program. */

import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { ran } from "../cli/fake_host.ts";
import { sources } from "./sources.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

function read(path: string): string {
  return Deno.readTextFileSync(join(ROOT, path));
}

Deno.test("docs/troubleshooting.md quotes only messages of the program", () => {
  const [ours = ""] = read("docs/troubleshooting.md").split("## Starting pullama");
  const code = sources().map((source) => source.code).join("\n");
  const messages = [...ours.matchAll(/\*\*`([^`]+)`\*\*/g)].map((hit) => hit[1]!)
    // A message of commander.
    .filter((message) => !message.startsWith("unknown option"));
  assert.ok(messages.length > 30);
  const gone = messages.filter((message) =>
    !message.split("…").map((part) => part.trim()).filter((part) => part.length > 3)
      .every((part) => code.includes(part))
  );
  assert.deepEqual(gone, []);
});

Deno.test("docs/recipes.md and docs/troubleshooting.md use only flags that exist", async () => {
  const { out } = await ran(["help"]);
  const commands = [...out.matchAll(/^ {2}([a-z]+)[ |]/gm)].map((hit) => hit[1]!);
  const helps = await Promise.all(commands.map(async (word) => (await ran(["help", word])).out));
  const start = (await ran(["help", "queue", "start"])).out;
  const known = new Set([out, start, ...helps].join("\n").match(/--[a-z-]+/g));
  const documents = ["docs/recipes.md", "docs/troubleshooting.md"].map(read).join("\n");
  const lines = documents.split("\n").filter((line) => /\bpullama"? /.test(line));
  assert.ok(lines.length > 15);
  const strange = lines.flatMap((line) => {
    const [, after = ""] = /\bpullama"? (.*)/.exec(line) ?? [];
    return (after.split(/[|#`]/)[0]!.match(/(?<![\w-])--[a-z-]+/g) ?? [])
      .filter((flag) => !known.has(flag)).map((flag) => `${flag}: ${line}`);
  });
  assert.deepEqual(strange, []);
});

Deno.test("every dependency has a reason in docs/dependencies.md", () => {
  const reasons = read("docs/dependencies.md");
  const without = Object.keys(config.imports).filter((name) => !reasons.includes(`\`${name}\``));
  assert.deepEqual(without, []);
});

Deno.test("docs/recipes.md pins actions by commit", () => {
  for (const [use] of read("docs/recipes.md").matchAll(/\buses:.*/g)) {
    assert.match(use, /^uses: [\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  }
});
