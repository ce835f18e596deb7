/** Root in a models folder of another user: the compiled program works as that user, all others refuse to. */

import assert from "node:assert/strict";
import { makeModel } from "../fakes/model.ts";
import { certificate } from "../fakes/certificate.ts";
import { type Registry, startRegistry } from "../fakes/registry.ts";
import { demandTokens } from "../fakes/token_server.ts";
import { testWith } from "../needs.ts";
import { KEY, PUBLIC } from "../registry/auth/keys.ts";
import { TLS } from "../registry/auth/world.ts";
import { type Ended, runToEnd, temporaryFolder } from "./child.ts";
import { fromSource, programForAll, pullama, sourceCache } from "./program.ts";
import { assertInstalled } from "./store.ts";

const OWNER = 54001;

/** A folder of another user below one that everyone may enter, and files of root's that only root may read. */
async function place() {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const registry = stack.use(await startRegistry(TLS));
  const model = registry.add("library/tiny:latest", makeModel({ size: 4 << 20 }));
  const home = `${folder.path}/home`;
  await Deno.chmod(folder.path, 0o755);
  await Deno.mkdir(`${folder.path}/theirs`);
  await Deno.chown(`${folder.path}/theirs`, OWNER, OWNER);
  await Deno.mkdir(`${home}/.ollama`, { recursive: true, mode: 0o700 });
  await Deno.writeTextFile(`${home}/.ollama/id_ed25519`, KEY, { mode: 0o600 });
  await Deno.writeTextFile(`${home}/ca.pem`, certificate, { mode: 0o600 });
  // The folders above the program are as closed as root's home.
  const command = await programForAll(home);
  const owned = stack.move();
  return {
    path: folder.path,
    models: `${folder.path}/theirs/models`,
    home,
    registry,
    model,
    run: (args: readonly string[], options: { readonly prefix?: readonly string[] } = {}) =>
      pullama(args, { home, command, ...options }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** The owners of everything in a folder, and the folder itself. */
function ownersIn(folder: string): Set<number | null> {
  const owners = new Set([Deno.statSync(folder).uid]);
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    for (const uid of isDirectory ? ownersIn(path) : [Deno.statSync(path).uid]) owners.add(uid);
  }
  return owners;
}

const demand = (registry: Registry) => demandTokens(registry, { keys: [PUBLIC] });

testWith(
  ["a compiled program", "root"],
  "root pulls in the folder of another user as that user, with its own key and certificates",
  async () => {
    await using at = await place();
    demand(at.registry);
    const { name, manifest, layers, config } = at.model;
    const flags = ["--models-dir", at.models, "--ca-cert", `${at.home}/ca.pem`];
    for (
      const args of [
        ["queue", "add", name],
        ["queue", "start", "--ca-cert", `${at.home}/ca.pem`],
        ["rm", name],
        ["pull", name, "--ca-cert", `${at.home}/ca.pem`],
        ["clean"],
      ]
    ) {
      const { code, out, err } = await at.run([...args, "--models-dir", at.models]);
      assert.equal(code, 0, `${args}: ${out}${err}`);
      assert.deepEqual([...ownersIn(at.models)], [OWNER], args.join(" "));
    }
    assertInstalled(at.models, name, { manifest, blobs: [...layers, config!] });
    const doctor = await at.run(["doctor", name, ...flags]);
    assert.match(doctor.out, /^ok\s+folder .*owned by user 54001/m, doctor.out + doctor.err);
    assert.match(doctor.out, /^ok\s+manifest /m, doctor.out);
  },
);

function assertRefused({ code, err }: Ended, message: RegExp, hint: RegExp): void {
  assert.equal(code, 1, err);
  assert.match(err, new RegExp(`^(?:cannot pull \\S+: )?${message.source}\nhint: ${hint.source}`));
}

testWith(
  ["a compiled program", "root"],
  "root without the right to become the owner, or in a program that cannot, changes nothing",
  async () => {
    await using at = await place();
    const { name } = at.model;
    const hint =
      /run it as that user: with sudo -u '#54001', or --user 54001:54001 for a container/;
    const prefix = ["setpriv", "--bounding-set=-setuid"];
    for (const args of [["pull", name], ["rm", name], ["clean"], ["queue", "add", name]]) {
      const given = [...args, "--models-dir", at.models];
      const poor = await at.run(given, { prefix });
      assertRefused(poor, /\S+ belongs to user 54001: root cannot become that user here/, hint);
      const source = await pullama(given, {
        home: at.home,
        command: fromSource(),
        env: sourceCache(),
      });
      assertRefused(
        source,
        /\S+ belongs to user 54001: only the standalone program works there as root/,
        hint,
      );
    }
    assert.deepEqual([...Deno.readDirSync(`${at.path}/theirs`)], []);
  },
);

testWith(
  ["a compiled program", "root"],
  "a folder that its owner cannot reach, or that a link of another user leads to, is refused",
  async () => {
    await using at = await place();
    const { name } = at.model;
    await Deno.mkdir(`${at.home}/closed`);
    await Deno.chown(`${at.home}/closed`, OWNER, OWNER);
    const closed = await at.run(["pull", name, "--models-dir", `${at.home}/closed`]);
    const open = /let that user into the folders above it/;
    assertRefused(closed, /\S+\/closed belongs to user 54001, who cannot reach it/, open);
    await Deno.mkdir(`${at.path}/ours`);
    const link = await runToEnd([
      "setpriv",
      `--reuid=${OWNER}`,
      `--regid=${OWNER}`,
      "--clear-groups",
      "ln",
      "-s",
      `${at.path}/ours`,
      `${at.path}/theirs/link`,
    ]);
    assert.equal(link.code, 0, link.err);
    for (const args of [["pull", name], ["rm", name], ["clean"], ["queue", "add", name]]) {
      const led = await at.run([...args, "--models-dir", `${at.path}/theirs/link`]);
      assertRefused(
        led,
        /\S+\/theirs\/link leads to \S+\/ours by a link of user 54001/,
        /as root,/,
      );
    }
    assert.deepEqual([...Deno.readDirSync(`${at.path}/ours`)], []);
  },
);

testWith(
  ["a compiled program", "root"],
  "root works as root in its own folder, also behind links of its own",
  async () => {
    await using at = await place();
    const { name, manifest, layers, config } = at.model;
    for (const folder of ["ours", "disk", "disk/blobs", "disk/manifests"]) {
      await Deno.mkdir(`${at.path}/${folder}`);
    }
    await Deno.symlink(`${at.path}/disk/blobs`, `${at.path}/ours/blobs`);
    await Deno.symlink(`${at.path}/disk/manifests`, `${at.path}/ours/manifests`);
    await Deno.symlink(`${at.path}/ours`, `${at.path}/link`);
    const models = `${at.path}/link`;
    const ca = ["--ca-cert", `${at.home}/ca.pem`];
    const { code, out, err } = await at.run(["pull", name, "--models-dir", models, ...ca]);
    assert.equal(code, 0, out + err);
    assertInstalled(models, name, { manifest, blobs: [...layers, config!] });
    assert.deepEqual([...ownersIn(`${at.path}/disk`)], [0]);
  },
);
