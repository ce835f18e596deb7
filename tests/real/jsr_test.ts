/** The JSR package: run, installed and imported with Deno. */

import assert from "node:assert/strict";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { makeModel } from "../fakes/model.ts";
import { startRegistry } from "../fakes/registry.ts";
import { testWith } from "../needs.ts";
import { type Ended, runToEnd, temporaryFolder } from "./child.ts";
import { type Jsr, startJsr } from "./jsr.ts";
import { assertInstalled } from "./store.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const MiB = 1 << 20;
const DENO = Deno.execPath();

const windows = Deno.build.os === "windows";

function test(name: string, fn: () => Promise<void>): void {
  if (windows) Deno.test({ name: `${name} [left out on Windows]`, ignore: true, fn });
  else testWith(["the tests of packages"], name, fn);
}

async function dryRun(): Promise<Ended> {
  return await runToEnd([DENO, "publish", "--dry-run", "--allow-dirty"], {
    cwd: ROOT,
    env: { ...Deno.env.toObject(), NO_COLOR: "1" },
  });
}

/** The files that would be published, relative to the root of the project. */
async function publishedFiles(): Promise<string[]> {
  const { code, err } = await dryRun();
  assert.equal(code, 0, err);
  const names = [...err.matchAll(/^ +(file:\S+) \(/gm)].map((hit) => fileURLToPath(hit[1]!));
  return names.map((path) => path.slice(ROOT.length));
}

/** A machine with only Deno installed; npm packages come from the cache of this machine. */
async function machine(jsr: Jsr) {
  const folder = await temporaryFolder();
  const home = `${folder.path}/home`;
  const cache = `${folder.path}/cache`;
  await Deno.mkdir(home);
  await Deno.mkdir(cache);
  const { npmCache } = JSON.parse(
    (await runToEnd([DENO, "info", "--json"], {
      env: Deno.env.toObject(),
    })).out,
  );
  await Deno.symlink(npmCache, `${cache}/npm`);
  const env = {
    ...Deno.env.toObject(),
    HOME: home,
    DENO_DIR: cache,
    JSR_URL: jsr.url,
    NO_COLOR: "1",
    PATH: `${dirname(DENO)}:${Deno.env.get("PATH")}`,
  };
  return {
    home,
    models: `${folder.path}/models`,
    run: (...command: string[]) => runToEnd(command, { env, cwd: home }),
    [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
  };
}

test("deno publish reports no warning, and publishes the sources and documents", async () => {
  const { code, err } = await dryRun();
  assert.equal(code, 0, err);
  assert.doesNotMatch(err, /^\s*(?:warning|error)\b|unable to/im);
  const files = await publishedFiles();
  for (const file of ["README.md", "LICENSE", "CHANGELOG.md", "deno.json", "src/main.ts"]) {
    assert.ok(files.includes(file), `${file} is missing`);
  }
  const other = files.filter((file) => file.includes("/") && !file.startsWith("src/"));
  assert.deepEqual(other, []);
});

test("deno run jsr:@pullama/cli prints the version and pulls a model", async () => {
  await using jsr = startJsr(await publishedFiles());
  await using place = await machine(jsr);
  await using registry = await startRegistry();
  const model = registry.add("library/tiny:latest", makeModel({ size: 3 * MiB }));
  const run = [DENO, "run", "--quiet", "-A", "jsr:@pullama/cli"];

  const version = await place.run(...run, "--version");
  assert.deepEqual([version.code, version.out], [0, `pullama ${config.version}\n`], version.err);

  const pull = await place.run(...run, model.name, "--insecure", "--models-dir", place.models);
  assert.equal(pull.code, 0, pull.err);
  const blobs = [...model.layers, model.config!];
  assertInstalled(place.models, model.name, { ...model, blobs });
  assert.ok(blobs.every(({ digest, size }) => registry.served(digest) === size));
});

test("deno install installs jsr:@pullama/cli as a command", async () => {
  await using jsr = startJsr(await publishedFiles());
  await using place = await machine(jsr);
  const install = await place.run(
    ...[DENO, "install", "--quiet", "--global", "-A", "--name", "pullama"],
    ...["--root", `${place.home}/.deno`, "jsr:@pullama/cli"],
  );
  assert.equal(install.code, 0, install.err);
  const { code, out, err } = await place.run(`${place.home}/.deno/bin/pullama`, "version");
  assert.deepEqual([code, out], [0, `pullama ${config.version}\n`], err);
});

const PROGRAM = `
import { pull, PullamaError, type Summary } from "jsr:@pullama/cli/pull";

const [name = "", modelsDir = ""] = Deno.args;
const events = new Set<string>();
const summary: Summary = await pull(name, {
  modelsDir,
  insecure: true,
  onEvent: ({ event }) => events.add(event),
});
const kind = await pull(name + "-not", { modelsDir, insecure: true }).then(
  () => "no error",
  (error: unknown) => error instanceof PullamaError ? error.kind : String(error),
);
console.log(JSON.stringify({ digest: summary.digest, kind, ended: events.has("pull_completed") }));
`;

test("a program that imports jsr:@pullama/cli/pull type-checks and pulls a model", async () => {
  await using jsr = startJsr(await publishedFiles());
  await using place = await machine(jsr);
  await using registry = await startRegistry();
  const model = registry.add("library/tiny:latest", makeModel({ size: 3 * MiB }));
  const program = `${place.home}/program.ts`;
  await Deno.writeTextFile(program, PROGRAM);
  const name = model.name.replace(/:latest$/, "");
  const command = [DENO, "run", "--quiet", "--check", "-A", program, name, place.models];
  const { code, out, err } = await place.run(...command);
  assert.deepEqual([code, err], [0, ""]);
  assert.deepEqual(JSON.parse(out), { digest: model.digest, kind: "not_found", ended: true });
  const screen = jsr.asked.filter((path) => /\/src\/(?:cli|ui)\//.test(path));
  assert.deepEqual(screen, [], "the library loads the command line");
});
