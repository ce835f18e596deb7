import assert from "node:assert/strict";
import { temporaryFolder } from "../../real/child.ts";
import { ran } from "../fake_host.ts";

/** A models folder with two old blobs and a new one that no model uses. */
async function littered() {
  const folder = await temporaryFolder();
  const blobs = `${folder.path}/blobs`;
  Deno.mkdirSync(blobs);
  for (const [digit, size] of [["a", 1000], ["b", 20], ["c", 3]] as const) {
    const path = `${blobs}/sha256-${digit.repeat(64)}`;
    Deno.writeFileSync(path, new Uint8Array(size));
    if (digit !== "c") Deno.utimeSync(path, 1, 1);
  }
  return {
    prune: (...args: string[]) => ran(["prune", ...args, "--models-dir", folder.path]),
    [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
  };
}

Deno.test("prune says which blobs go, what that frees, and what is kept and why", async () => {
  await using at = await littered();
  const dry = await at.prune("--dry-run");
  assert.deepEqual(dry.out.trimEnd().split("\n"), [
    "would remove aaaaaaaaaaaa, 1 kB",
    "would remove bbbbbbbbbbbb, 20 B",
    "would keep 1 blob written in the last hour, 3 B, --all removes it as well",
    "would free 1.0 kB, 2 blobs",
  ]);
  const done = await at.prune("--quiet");
  assert.deepEqual([done.code, done.out, done.err], [0, "freed 1.0 kB, 2 blobs\n", ""]);
  const rest = await at.prune("--all");
  assert.deepEqual(rest.out, "removed cccccccccccc, 3 B\nfreed 3 B, 1 blob\n");
  assert.equal((await at.prune()).out, "nothing to prune\n");
});
