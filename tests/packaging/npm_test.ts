/** The npm packages, installed by npm from their archives. */

import assert from "node:assert/strict";
import { mainPackage, programPackage, writeNpm } from "../../packaging/npm.ts";
import { testWith } from "../needs.ts";
import { type Ended, runToEnd, temporaryFolder } from "../real/child.ts";
import { startNpmRegistry } from "./npm_registry.ts";
import { standInRelease, URL_OF_FILES, VERSION } from "./stand_in.ts";

const LINUX = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"];

/** What npm is told: that there is no network, and nothing of the user's. */
function settings(home: string): Record<string, string> {
  return {
    HOME: home,
    npm_config_registry: "http://127.0.0.1:9",
    npm_config_fetch_retries: "0",
    npm_config_audit: "false",
    npm_config_fund: "false",
    npm_config_update_notifier: "false",
  };
}

/** The archives of a public release, or of one that has its program in itself, for this machine. */
async function packed(folder: string, url?: string): Promise<string[]> {
  await Deno.mkdir(`${folder}/out`);
  const release = await standInRelease(folder, url ? undefined : [Deno.build.target]);
  return await writeNpm(release, `${folder}/out`, url);
}

async function installed(folder: string, archives: readonly string[]): Promise<string> {
  const place = `${folder}/place`;
  await Deno.mkdir(place);
  await Deno.writeTextFile(`${place}/package.json`, "{}");
  const { code, out, err } = await runToEnd(["npm", "install", ...archives], {
    cwd: place,
    env: settings(folder),
  });
  assert.equal(code, 0, out + err);
  return `${place}/node_modules/.bin/pullama`;
}

testWith(
  ["npm"],
  "npx runs the archive of a build with Node alone, and without a network",
  async () => {
    await using folder = await temporaryFolder();
    const [archive, ...more] = await packed(folder.path);
    assert.deepEqual(more, []);
    const { code, out, err } = await runToEnd(
      ["npx", "-y", `./out/${archive!.split("/").at(-1)}`, "--version"],
      { cwd: folder.path, env: settings(folder.path) },
    );
    assert.deepEqual([code, out], [0, `pullama ${VERSION} --version\n`], err);
  },
);

testWith(
  ["Linux", "npm"],
  "npx downloads of a release what fits this system, and nothing else",
  async () => {
    await using folder = await temporaryFolder();
    const archives = await packed(folder.path, URL_OF_FILES);
    assert.deepEqual(archives.map((path) => path.split("/").at(-1)), [
      "pullama-9.8.7.tgz",
      "pullama-linux-x64-9.8.7.tgz",
      "pullama-linux-arm64-9.8.7.tgz",
      "pullama-darwin-x64-9.8.7.tgz",
      "pullama-darwin-arm64-9.8.7.tgz",
      "pullama-win32-x64-9.8.7.tgz",
    ]);
    await using registry = await startNpmRegistry(archives);
    const { code, out, err } = await runToEnd(["npx", "-y", "pullama", "list", "a b"], {
      cwd: folder.path,
      env: { ...settings(folder.path), npm_config_registry: registry.url },
    });
    assert.deepEqual([code, out], [0, `pullama ${VERSION} list a b\n`], err);
    const fits = `pullama-linux-${Deno.build.arch === "aarch64" ? "arm64" : "x64"}-9.8.7.tgz`;
    assert.deepEqual([...registry.sent].sort(), ["pullama-9.8.7.tgz", fits]);
    const { scripts, repository } = mainPackage(await standInRelease(folder.path), URL_OF_FILES);
    assert.equal(scripts, undefined);
    assert.deepEqual(repository, { type: "git", url: "git+https://example.org/pullama.git" });
  },
);

testWith(["Linux", "npm"], "the npm command says what is missing, and exits with 1", async () => {
  await using folder = await temporaryFolder();
  const [main] = await packed(folder.path, URL_OF_FILES);
  const command = await installed(folder.path, [main!]);
  const run = async (): Promise<Ended> => await runToEnd([command, "list"]);
  const { code, out, err } = await run();
  assert.deepEqual([code, out], [1, ""]);
  assert.match(
    err,
    /^cannot start pullama: @pullama\/\S+ is not installed\nhint: npm install --include=optional; on Linux it needs glibc, .*\n$/,
  );
  const path = `${folder.path}/place/node_modules/pullama/package.json`;
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, text.replaceAll(/"@pullama\/(?!darwin)/g, '"@pullama/other-'));
  if (Deno.build.os !== "darwin") {
    assert.match((await run()).err, /: no build for \S+\nhint: other/);
  }
});

testWith(
  ["Linux", "npm"],
  "the npm command ends as the program does, also after signals",
  async () => {
    await using folder = await temporaryFolder();
    const command = await installed(folder.path, await packed(folder.path));
    assert.equal((await runToEnd([command, "exit", "3"])).code, 3);

    // Of its own group, as in a terminal: Ctrl-C goes to all of it, "kill" to the command alone.
    for (
      const [signal, toGroup, says, code] of [
        ["INT", true, "interrupted", 0],
        ["TERM", false, "terminated", 7],
      ] as const
    ) {
      const script = `set -m; "$0" wait >"$1" & until grep -q waiting "$1"; do sleep 0.05; done
kill -${signal} -- ${toGroup ? "-$!" : "$!"}; wait $!; echo $?; cat "$1"`;
      const said = `${folder.path}/said`;
      const { out, err } = await runToEnd(["bash", "-c", script, command, said], { limit: 20_000 });
      assert.equal(out, `${code}\nwaiting\n${says}\n`, signal + err);
      await Deno.remove(said);
    }
  },
);

testWith(["Linux"], "a package for Linux is for systems with glibc", async () => {
  await using folder = await temporaryFolder();
  const { programs, ...rest } = await standInRelease(folder.path, LINUX);
  assert.deepEqual(
    programs.map((program) => {
      const { os, cpu, libc } = programPackage(program, { ...rest, programs });
      return [os, cpu, libc];
    }),
    [[["linux"], ["x64"], ["glibc"]], [["linux"], ["arm64"], ["glibc"]]],
  );
});
