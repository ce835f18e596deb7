import assert from "node:assert/strict";
import {
  compileArgs,
  compilerFor,
  installerFor,
  nameFor,
  sumsOf,
  TARGETS,
  usageError,
} from "../../build.ts";
import { commitOf, versionWith } from "../../tools/stage.ts";

Deno.test("compileArgs() grants what the configuration of the stage does, and nothing else", () => {
  const args = compileArgs(undefined, "dist/pullama");
  assert.deepEqual(args.filter((arg) => /allow|^-\w*[AP]|prompt|permission/.test(arg)), [
    "--permission-set",
    "--no-prompt",
  ]);
});

Deno.test("compileArgs() embeds the worker and ends with the entry", () => {
  const args = compileArgs("aarch64-apple-darwin", "x");
  assert.equal(args[args.indexOf("--include") + 1], "src/io/hash_worker.ts");
  assert.equal(args[args.indexOf("--target") + 1], "aarch64-apple-darwin");
  assert.equal(args[args.indexOf("--output") + 1], "x");
  assert.equal(args.at(-1), "src/main.ts");
});

Deno.test("compileArgs() excludes packages that are unused at run time, and the code cache", () => {
  const args = compileArgs(undefined, "x");
  assert.ok(args.includes("--exclude-unused-npm") && args.includes("--no-code-cache"));
  assert.ok(!args.includes("--target"));
});

Deno.test("nameFor() returns a file name for each target of a release", () => {
  assert.deepEqual(TARGETS.map(nameFor), [
    "pullama-linux-amd64",
    "pullama-linux-arm64",
    "pullama-darwin-amd64",
    "pullama-darwin-arm64",
    "pullama-windows-amd64.exe",
  ]);
});

Deno.test("compilerFor() returns the running Deno, or the version that fits DENORT_BIN", () => {
  const with_ = (env: Record<string, string>) => compilerFor((name) => env[name]);
  assert.deepEqual(with_({}), [Deno.execPath()]);
  assert.deepEqual(with_({ DENORT_BIN: "/x" }), ["npx", "-y", "deno@2.8.3"]);
  assert.deepEqual(with_({ DENORT_BIN: "/x", PULLAMA_COMPILER: "deno-old -q" }), [
    "deno-old",
    "-q",
  ]);
});

Deno.test("usageError() rejects options that cannot be combined", () => {
  const none = () => undefined;
  assert.equal(usageError({}, none), undefined);
  assert.equal(usageError({ all: true, "base-url": "https://x" }, none), undefined);
  assert.equal(usageError({ target: "x86_64-apple-darwin", output: "x" }, none), undefined);
  assert.match(usageError({ all: true, output: "x" }, none)!, /combined with --target or -o/);
  assert.match(usageError({ all: true }, () => "/denort")!, /combined with DENORT_BIN/);
  assert.match(
    usageError({ target: "z80" }, none)!,
    /unsupported target z80: use one of x86_64-un/,
  );
  assert.match(usageError({ "base-url": "https://x" }, none)!, /requires --all/);
});

Deno.test("versionWith() appends the commit as build metadata", () => {
  assert.equal(versionWith("0.1.0", undefined), "0.1.0");
  assert.equal(versionWith("0.1.0", "889e821d94c1"), "0.1.0+889e821d94c1");
  assert.equal(versionWith("0.1.0", "889e821d94c1-dirty"), "0.1.0+889e821d94c1.dirty");
});

Deno.test("commitOf() returns undefined outside a repository", async () => {
  const folder = await Deno.makeTempDir();
  assert.equal(await commitOf(folder), undefined);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("sumsOf() returns lines that sha256sum reads, sorted by name", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/b`, "");
  await Deno.writeTextFile(`${folder}/a`, "abc");
  const sums = await sumsOf([`${folder}/b`, `${folder}/a`]);
  await Deno.remove(folder, { recursive: true });
  assert.equal(
    sums,
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a\n" +
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b\n",
  );
});

Deno.test("installerFor() inserts a URL into a script, and refuses anything that a shell could run", () => {
  const url = "https://example.org/releases/v1.0.0/";
  assert.equal(installerFor("x=@BASE_URL@", url, ""), "x=https://example.org/releases/v1.0.0");
  assert.equal(installerFor("'@SHA256SUMS@'", url, "0  a\n1  b\n"), "'0  a\n1  b'");
  for (const bad of ["http://example.org", "https://x$(id)", "https://x y", 'https://x"']) {
    assert.throws(() => installerFor("", bad, ""), TypeError, bad);
  }
});
