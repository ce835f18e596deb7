import assert from "node:assert/strict";
import {
  compileArgs,
  compilerFor,
  installerFor,
  nameFor,
  refusal,
  sumsOf,
  TARGETS,
} from "../../build.ts";
import { commitOf, versionWith } from "../../tools/stage.ts";

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

Deno.test("compileArgs() leaves out what is not needed at run time, and the cache in the temporary folder", () => {
  const args = compileArgs(undefined, "x");
  assert.ok(args.includes("--exclude-unused-npm") && args.includes("--no-code-cache"));
  assert.ok(!args.includes("--target"));
});

Deno.test("nameFor() names a file for each system of a release", () => {
  assert.deepEqual(TARGETS.map(nameFor), [
    "pullama-linux-amd64",
    "pullama-linux-arm64",
    "pullama-darwin-amd64",
    "pullama-darwin-arm64",
    "pullama-windows-amd64.exe",
  ]);
});

Deno.test("compilerFor() takes the Deno at hand, and for another runtime the one that fits", () => {
  const with_ = (env: Record<string, string>) => compilerFor((name) => env[name]);
  assert.deepEqual(with_({}), [Deno.execPath()]);
  assert.deepEqual(with_({ DENORT_BIN: "/x" }), ["npx", "-y", "deno@2.8.3"]);
  assert.deepEqual(with_({ DENORT_BIN: "/x", PULLAMA_COMPILER: "deno-old -q" }), [
    "deno-old",
    "-q",
  ]);
});

Deno.test("manifestError() says what cannot be built together", () => {
  const none = () => undefined;
  assert.equal(refusal({}, none), undefined);
  assert.equal(refusal({ all: true, "base-url": "https://x" }, none), undefined);
  assert.equal(refusal({ target: "x86_64-apple-darwin", output: "x" }, none), undefined);
  assert.match(refusal({ all: true, output: "x" }, none)!, /neither --target nor -o/);
  assert.match(refusal({ all: true }, () => "/denort")!, /one runtime of DENORT_BIN/);
  assert.match(refusal({ target: "z80" }, none)!, /no target z80: it is one of x86_64-unknown/);
  assert.match(refusal({ "base-url": "https://x" }, none)!, /goes with --all/);
});

Deno.test("versionWith() puts the commit where it does not count as a newer version", () => {
  assert.equal(versionWith("0.1.0", undefined), "0.1.0");
  assert.equal(versionWith("0.1.0", "889e821d94c1"), "0.1.0+889e821d94c1");
  assert.equal(versionWith("0.1.0", "889e821d94c1-dirty"), "0.1.0+889e821d94c1.dirty");
});

Deno.test("commitOf() knows of no commit where there is no repository", async () => {
  const folder = await Deno.makeTempDir();
  assert.equal(await commitOf(folder), undefined);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("sumsOf() writes what sha256sum reads, sorted by name", async () => {
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

Deno.test("installerFor() writes an address into a script, and nothing that a shell could run", () => {
  const url = "https://example.org/releases/v1.0.0/";
  assert.equal(installerFor("x=@BASE_URL@", url), "x=https://example.org/releases/v1.0.0");
  for (const bad of ["http://example.org", "https://x$(id)", "https://x y", 'https://x"']) {
    assert.throws(() => installerFor("", bad), TypeError, bad);
  }
});
