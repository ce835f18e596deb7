/** What the program may do: no more than it needs, as told in SECURITY.md, and enough for every command. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PERMISSIONS } from "../../build.ts";
import { ran } from "../cli/fake_host.ts";
import { makeModel } from "../fakes/model.ts";
import { startRegistry } from "../fakes/registry.ts";
import { runToEnd, temporaryFolder } from "../real/child.ts";
import { fromSourceWith, pullama, sourceCache } from "../real/program.ts";
import { commandsOf, DENIED, usesOf } from "../real/uses.ts";
import { sources } from "../contract/sources.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const { env: VARIABLES, sys: SYSTEM, ...EVERYTHING } = PERMISSIONS;

/** A registry with a model, and the program from source with the permissions that it is given. */
async function place() {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryFolder());
  const registry = stack.use(await startRegistry());
  const { name } = registry.add("library/tiny:latest", makeModel({ size: 1 << 20 }));
  const owned = stack.move();
  return {
    path,
    name,
    models: join(path, "models"),
    async run(permissions: object, args: readonly string[]) {
      const command = await fromSourceWith(permissions, path);
      return await pullama(args, { home: path, env: sourceCache(), command });
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

Deno.test("SECURITY.md lists the permissions of the compiled program one by one", async () => {
  const text = await Deno.readTextFile(join(ROOT, "SECURITY.md"));
  const [, table = ""] = text.split("| permission | for |");
  const rows = (kind: string) =>
    [...table.matchAll(new RegExp(`^\\| ${kind} ([^|]*) \\|`, "gm"))]
      .flatMap((row) => [...row[1]!.matchAll(/`([^`]+)`/g)].map((hit) => hit[1]!)).sort();
  assert.deepEqual(rows("variables"), [...VARIABLES].sort());
  assert.deepEqual(rows("system:"), [...SYSTEM].sort());
  assert.deepEqual(EVERYTHING, { net: true, read: true, write: true });
});

Deno.test("the variables that the program may read are those that it reads", () => {
  const code = sources().map((source) => source.code).join("\n");
  const asked = [...code.matchAll(/\b(?:env|variable)(?:\.\w+)?\(\s*(?:env, )?"([^"]+)"/g)]
    .map((hit) => hit[1]!);
  assert.ok(asked.length > 10);
  const may: readonly string[] = VARIABLES;
  assert.deepEqual(asked.filter((name) => !may.includes(name)), []);
  // The proxies are read in both spellings.
  const written = (name: string) => code.includes(`"${name}"`);
  const unread = may.filter((name) => !written(name) && !written(name.toUpperCase()));
  assert.deepEqual(unread, []);
});

Deno.test("every command works with the permissions of the compiled program", async () => {
  await using at = await place();
  const uses = usesOf(at.name, at.models);
  const commands = await commandsOf((...words) => ran(["help", ...words]));
  assert.deepEqual([...uses.keys()].sort(), [...commands].sort());
  for (const [argv, exitCode] of [...uses.values()].flat()) {
    const { code, out, err } = await at.run(PERMISSIONS, argv);
    const said = `${argv.join(" ")}: ${code} ${out}${err}`;
    assert.doesNotMatch(out + err, DENIED, said);
    if (exitCode !== undefined) assert.equal(code, exitCode, said);
  }
});

/** What a pull says without one of the permissions. */
const WITHOUT: Readonly<Record<string, RegExp>> = {
  net: /permission denied to connect to 127\./,
  read: /requires read access/,
  write: /cannot create .*requires write access/,
  env: /Requires env access/,
  osUptime: /Requires sys access to "osUptime"/,
  hostname: /Requires sys access to "hostname"/,
  uid: /Requires sys access to "uid"/,
};

for (const [name, says] of Object.entries(WITHOUT)) {
  Deno.test({
    name: `a pull fails without the permission ${name}`,
    ignore: Deno.build.os === "windows" && name === "uid",
    async fn() {
      await using at = await place();
      const sys = SYSTEM.filter((each) => each !== name);
      const less = {
        ...PERMISSIONS,
        sys,
        ...(Object.hasOwn(PERMISSIONS, name) && { [name]: false }),
      };
      const { code, err } = await at.run(less, [
        ...["pull", at.name, "--insecure", "--models-dir", at.models],
      ]);
      assert.equal(code, 1, err);
      assert.match(err, says);
    },
  });
}

Deno.test("without the permission statfs a pull does not know whether the disk is large enough", async () => {
  await using at = await place();
  const pull = ["pull", at.name, "--insecure", "--models-dir", at.models, "--dry-run"];
  const knowing = await at.run(PERMISSIONS, pull);
  assert.match(knowing.out, /^enough disk space, .* free$/m);
  const less = { ...PERMISSIONS, sys: SYSTEM.filter((name) => name !== "statfs") };
  assert.match((await at.run(less, pull)).out, /^free space unknown$/m);
});

Deno.test("without the permission systemMemoryInfo a small machine keeps as much in memory as a large one", async () => {
  await using folder = await temporaryFolder();
  const script = join(folder.path, "script.ts");
  const memory = new URL("../../src/setup/memory.ts", import.meta.url).href;
  await Deno.writeTextFile(
    script,
    `import { memoryWindow } from ${JSON.stringify(memory)};
    Deno.systemMemoryInfo = () => ({ total: 2 ** 30 });
    console.log(memoryWindow());`,
  );
  const window = async (...flags: readonly string[]) => {
    const run = [Deno.execPath(), "run", "--quiet", "--no-prompt", "--no-check", "--no-config"];
    const { out, err } = await runToEnd([...run, ...flags, script], { env: sourceCache() });
    assert.equal(err, "");
    return Number(out);
  };
  assert.equal(await window("--allow-sys=systemMemoryInfo"), 2 ** 27);
  assert.equal(await window(), 2 ** 28);
});
