/** The build. It needs a local runtime to compile with, since Deno's server may be unreachable. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { compilerFor } from "../../build.ts";
import config from "../../deno.json" with { type: "json" };
import { exists } from "../fakes/exists.ts";
import { testWith } from "../needs.ts";
import { type Ended, runToEnd, temporaryFolder } from "./child.ts";
import { sha256Of } from "./store.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The files of a checkout that a build needs. */
const PARTS = [
  "build.ts",
  "tools",
  "src",
  "deno.json",
  "deno.lock",
  "install.sh",
  "install.ps1",
];

function building(name: string, fn: () => Promise<void>): void {
  testWith(["a runtime to compile with"], name, fn);
}

/** Copies the sources to `path` with the current time, like a fresh checkout. */
async function checkOut(path: string): Promise<void> {
  await Deno.mkdir(path);
  const { code, err } = await runToEnd(
    ["cp", "-r", ...PARTS.map((part) => ROOT + part), path],
  );
  assert.equal(code, 0, err);
}

/** Runs the build in a checkout, with additional `env`. */
async function buildWith(
  path: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const task = [Deno.execPath(), "run", "--quiet", "--frozen", "-A", "--no-check", "build.ts"];
  return await runToEnd([...task, ...args], {
    cwd: path,
    // The environment has the settings for packages and the compiler.
    env: { ...Deno.env.toObject(), ...env },
  });
}

async function build(path: string, out: string): Promise<Ended> {
  return await buildWith(path, ["-o", out]);
}

building("two checkouts at the same path compile to the same bytes", async () => {
  await using folder = await temporaryFolder();
  const place = `${folder.path}/checkout`;
  const sums = new Set<string>();
  for (const round of [1, 2]) {
    await checkOut(place);
    const out = `${folder.path}/pullama-${round}`;
    const { code, err } = await build(place, out);
    assert.equal(code, 0, err);
    sums.add(sha256Of(out));
    assert.ok(!exists(`${place}/dist/stage`), "the copy of the sources stays");
    await Deno.remove(place, { recursive: true });
  }
  assert.equal(sums.size, 1);
});

building("a build includes the commit in its version, if there is a git repository", async () => {
  await using folder = await temporaryFolder();
  const place = `${folder.path}/checkout`;
  const out = `${folder.path}/pullama`;
  await checkOut(place);
  const says = async () => {
    const { code, err } = await build(place, out);
    assert.equal(code, 0, err);
    return (await runToEnd([out, "version"], { env: { HOME: folder.path } })).out;
  };
  assert.equal(await says(), `pullama ${config.version}\n`);

  const git = async (...args: string[]) => {
    const as = ["-c", "user.name=x", "-c", "user.email=x@example.org"];
    const { code, out, err } = await runToEnd(["git", ...as, ...args], { cwd: place });
    assert.equal(code, 0, err);
    return out.trim();
  };
  await Deno.writeTextFile(`${place}/.gitignore`, "/dist/\n");
  await git("init", "--quiet");
  await git("add", ".");
  await git("commit", "--quiet", "--message", "x");
  const commit = (await git("rev-parse", "HEAD")).slice(0, 12);
  assert.equal(await says(), `pullama ${config.version}+${commit}\n`);
  assert.equal(await git("status", "--porcelain"), "");
  await Deno.writeTextFile(`${place}/src/main.ts`, "\n", { append: true });
  assert.equal(await says(), `pullama ${config.version}+${commit}.dirty\n`);
});

building("a failed build reports an error and keeps the existing program", async () => {
  await using folder = await temporaryFolder();
  const place = `${folder.path}/checkout`;
  const out = `${folder.path}/pullama`;
  await checkOut(place);
  await Deno.writeTextFile(out, "the old one");
  await Deno.writeTextFile(`${place}/src/main.ts`, 'import "./missing.ts";\n');
  const { code, err } = await build(place, out);
  assert.equal(code, 1);
  assert.match(err, /cannot build: .* failed with exit code 1\n$/);
  assert.equal(await Deno.readTextFile(out), "the old one");
});

/** Replaces the compiler, which would have to download the runtimes for all systems. */
const STAND_IN = `
const [what] = Deno.args;
Deno.mkdirSync(Deno.env.get("DENO_DIR") + "/npm", { recursive: true });
if (what === "compile") {
  const after = (flag) => Deno.args[Deno.args.indexOf(flag) + 1];
  const target = after("--target");
  const name = after("--output") + (target.includes("windows") ? ".exe" : "");
  Deno.writeTextFileSync(name, "#!/bin/sh\\necho pullama for " + target + "\\n", { mode: 0o755 });
}
`;

Deno.test({
  name: "a release has a program for each system, checksums and install scripts",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using folder = await temporaryFolder();
    const place = `${folder.path}/checkout`;
    await checkOut(place);
    await Deno.writeTextFile(`${folder.path}/compiler.ts`, STAND_IN);
    const { code, err } = await buildWith(
      place,
      ["--all", "--base-url", "https://example.org/releases/v1"],
      {
        DENORT_BIN: "",
        PULLAMA_COMPILER: `${Deno.execPath()} run -A --no-check ${folder.path}/compiler.ts`,
      },
    );
    assert.equal(code, 0, err);
    const listed = await Deno.readTextFile(`${place}/dist/SHA256SUMS`);
    assert.deepEqual(listed.trimEnd().split("\n").map((line) => line.slice(66)), [
      "install.ps1",
      "install.sh",
      "pullama-darwin-amd64",
      "pullama-darwin-arm64",
      "pullama-linux-amd64",
      "pullama-linux-arm64",
      "pullama-windows-amd64.exe",
    ]);
    for (const line of listed.trimEnd().split("\n")) {
      const [sum, name] = line.split("  ");
      assert.equal(sha256Of(`${place}/dist/${name}`), sum);
    }
    const arm = await Deno.readTextFile(`${place}/dist/pullama-linux-arm64`);
    assert.match(arm, /pullama for aarch64-unknown-linux-gnu/);
    const script = await Deno.readTextFile(`${place}/dist/install.sh`);
    assert.match(script, /PULLAMA_BASE_URL:-https:\/\/example\.org\/releases\/v1}/);
    const programs = listed.split("\n").filter((line) => line.includes("  pullama-"));
    assert.ok(script.includes(`\nsums='${programs.join("\n")}'\n`), script);
  },
});

building(
  "the program starts at most 25 ms slower than an empty one, or in 2.5 times its time on a slow machine",
  async () => {
    await using folder = await temporaryFolder();
    const [program, empty] = [`${folder.path}/pullama`, `${folder.path}/empty`];
    await checkOut(`${folder.path}/checkout`);
    const built = await build(`${folder.path}/checkout`, program);
    assert.equal(built.code, 0, built.err);
    await Deno.writeTextFile(`${empty}.ts`, "");
    const compiler = compilerFor((name) => Deno.env.get(name));
    const compile = ["compile", "--quiet", "--no-check", "--no-code-cache", "--output", empty];
    const compiled = await runToEnd([...compiler, ...compile, `${empty}.ts`], {
      cwd: folder.path,
      env: Deno.env.toObject(),
    });
    assert.equal(compiled.code, 0, compiled.err);

    // Alternately, and the fastest run of each, since other load slows both down. More runs on a busy
    // machine.
    const quickest = { program: Infinity, empty: Infinity };
    const isSlow = () => quickest.program - quickest.empty > Math.max(25, 1.5 * quickest.empty);
    for (let turn = 0; turn < 20 || (turn < 300 && isSlow()); turn++) {
      quickest.empty = Math.min(quickest.empty, await millisecondsOf([empty]));
      quickest.program = Math.min(quickest.program, await millisecondsOf([program, "version"]));
    }
    assert.ok(!isSlow(), JSON.stringify(quickest));
  },
);

async function millisecondsOf(command: readonly string[]): Promise<number> {
  const began = performance.now();
  assert.equal((await runToEnd(command, { env: { HOME: "/" } })).code, 0);
  return performance.now() - began;
}
