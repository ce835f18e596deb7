import assert from "node:assert/strict";
import { compileArgs, outputFor } from "../../build.ts";

Deno.test("compileArgs() gives the program the permissions it needs and no others", () => {
  const args = compileArgs(undefined, "dist/pullama");
  assert.deepEqual(args.filter((arg) => /allow|^-A$|prompt|permission/.test(arg)), [
    "--no-prompt",
    "--allow-net",
    "--allow-read",
    "--allow-write",
    "--allow-env",
    "--allow-sys=statfs,osUptime,hostname,uid,gid",
  ]);
});

Deno.test("compileArgs() embeds the worker and ends with the entry", () => {
  const args = compileArgs("aarch64-apple-darwin", "x");
  assert.equal(args[args.indexOf("--include") + 1], "src/io/hash_worker.ts");
  assert.equal(args[args.indexOf("--target") + 1], "aarch64-apple-darwin");
  assert.equal(args[args.indexOf("--output") + 1], "x");
  assert.equal(args.at(-1), "src/main.ts");
});

Deno.test("outputFor() names a file for each system", () => {
  assert.equal(outputFor("x86_64-unknown-linux-gnu"), "dist/pullama-linux-amd64");
  assert.equal(outputFor("aarch64-apple-darwin"), "dist/pullama-darwin-arm64");
  assert.equal(outputFor("x86_64-pc-windows-msvc"), "dist/pullama-windows-amd64.exe");
});
