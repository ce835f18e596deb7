/** What the compiled program can do at most: no other program, no native code, no permission besides its own. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileArgs, compilerFor, PERMISSIONS } from "../../build.ts";
import config from "../../deno.json" with { type: "json" };
import { copyFolder } from "../fakes/copy.ts";
import { makeModel } from "../fakes/model.ts";
import { startRegistry } from "../fakes/registry.ts";
import { testWith } from "../needs.ts";
import { runToEnd, temporaryFolder } from "./child.ts";
import { pullama, sourceCache } from "./program.ts";
import { usesOf } from "./uses.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const OWNER = 54001;

/** Compiles the program in `folder` with `permissions`. */
async function compiled(
  permissions: object,
  folder: string,
  compiler = compilerFor((name) => Deno.env.get(name)),
): Promise<string> {
  await copyFolder(join(ROOT, "src"), join(folder, "src"));
  await Deno.copyFile(join(ROOT, "deno.lock"), join(folder, "deno.lock"));
  const staged = { ...config, permissions: { default: permissions } };
  await Deno.writeTextFile(join(folder, "deno.json"), JSON.stringify(staged));
  const program = join(folder, "pullama");
  const { code, err } = await runToEnd([...compiler, ...compileArgs(undefined, program)], {
    cwd: folder,
    env: { ...Deno.env.toObject(), ...sourceCache() },
  });
  assert.equal(code, 0, err);
  return program;
}

testWith(
  ["a compiled program", "strace"],
  "no command of the compiled program starts another program or loads native code",
  async () => {
    await using folder = await temporaryFolder();
    await using registry = await startRegistry();
    const { name } = registry.add("library/tiny:latest", makeModel({ size: 4 << 20 }));
    const log = join(folder.path, "calls");
    const prefix = ["strace", "-f", "-qq", "-o", log, "-e", "trace=execve,execveat,openat"];
    for (const [argv] of [...usesOf(name, join(folder.path, "models")).values()].flat()) {
      const { out, err } = await pullama(argv, { home: folder.path, prefix });
      const lines = (await Deno.readTextFile(log)).split("\n");
      const started = lines.filter((line) => /\b(?:execve|execveat)\(/.test(line));
      assert.equal(started.length, 1, `${argv.join(" ")}: ${started.join("\n")}${out}${err}`);
      const loaded = lines.filter((line) => /\.so(?:\.|")/.test(line) && !/ENOENT/.test(line))
        .filter((line) => !/"\/(?:usr\/)?lib(?:64)?\/|"\/etc\/ld\.so/.test(line));
      assert.deepEqual(loaded, [], argv.join(" "));
    }
  },
);

testWith(
  ["a runtime to compile with"],
  "the Deno of the tests compiles the program with its permissions and no others",
  async () => {
    await using folder = await temporaryFolder();
    // It may not run: the runtime may be older than the compiler.
    const program = await compiled(PERMISSIONS, folder.path, [Deno.execPath()]);
    const text = new TextDecoder("latin1").decode(await Deno.readFile(program));
    const [, granted = "{}"] = /"permissions":(\{"allow_env":\[[^}]*\})/.exec(text) ?? [];
    const allowed = Object.entries(JSON.parse(granted)).filter(([name, value]) =>
      name.startsWith("allow_") && value !== null
    );
    // Deno lists servers of modules by itself; a compiled program asks none of them.
    const { allow_import: _, ...own } = Object.fromEntries(allowed);
    assert.deepEqual(own, {
      allow_env: PERMISSIONS.env,
      allow_sys: PERMISSIONS.sys,
      // All of them.
      allow_net: [],
      allow_read: [],
      allow_write: [],
    });
  },
);

for (const right of ["setuid", "setgid"] as const) {
  testWith(
    ["a runtime to compile with", "root"],
    `without the permission ${right} root refuses to pull in the folder of another user`,
    async () => {
      await using folder = await temporaryFolder();
      const sys = PERMISSIONS.sys.filter((name) => name !== right);
      const command = [await compiled({ ...PERMISSIONS, sys }, folder.path)];
      const models = join(folder.path, "models");
      await Deno.mkdir(models);
      await Deno.chown(models, OWNER, OWNER);
      const pull = ["pull", "127.0.0.1:1/library/tiny", "--models-dir", models];
      const { code, err } = await pullama(pull, { home: folder.path, command });
      assert.equal(code, 1);
      assert.match(err, /belongs to user 54001: root cannot become that user here/);
    },
  );
}
