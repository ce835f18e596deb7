/** Commands about pulls and folders of other users, with real user IDs. */

import assert from "node:assert/strict";
import { servedAtLeast, until } from "../crash/scene.ts";
import { makeModel } from "../fakes/model.ts";
import { startRegistry } from "../fakes/registry.ts";
import { testWith } from "../needs.ts";
import { runToEnd, spawnAlone, temporaryFolder } from "./child.ts";
import { programForAll } from "./program.ts";
import { assertInstalled } from "./store.ts";

const MIB = 1 << 20;
const [OWNER, OTHER] = [54001, 54002];

/** A folder that everyone may enter, and the program as one of its users. */
async function place() {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const registry = stack.use(await startRegistry());
  await Deno.chmod(folder.path, 0o755);
  for (const [name, uid] of [["theirs", OWNER], ["others", OTHER]] as const) {
    await Deno.mkdir(`${folder.path}/${name}`, { mode: 0o755 });
    await Deno.chown(`${folder.path}/${name}`, uid, uid);
  }
  const program = await programForAll(folder.path);
  const owned = stack.move();
  const as = (uid: number, ...args: readonly string[]) => [
    ...["setpriv", "--reuid", `${uid}`, "--regid", `${uid}`, "--clear-groups"],
    ...program,
    ...args,
  ];
  const env = { HOME: folder.path };
  return {
    registry,
    models: `${folder.path}/theirs/models`,
    others: `${folder.path}/others/models`,
    run: (uid: number, ...args: readonly string[]) => runToEnd(as(uid, ...args), { env }),
    start: (uid: number, ...args: readonly string[]) => spawnAlone(as(uid, ...args), { env }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

testWith(
  ["a compiled program", "root"],
  "another user sees a pull without the right to write, and cannot pause it; root and the owner can",
  async () => {
    await using at = await place();
    const model = at.registry.add("library/big:latest", makeModel({ size: 24 * MIB }));
    at.registry.faults.data = () => ({ bytesPerSecond: MIB });
    const flags = ["--models-dir", at.models];
    const steady = ["--connections", "2", "--output", "json", ...flags];
    const pull = at.start(OWNER, "pull", model.name, "--insecure", ...steady);
    let out = "";
    const read = (async () => {
      for await (const piece of pull.stdout.pipeThrough(new TextDecoderStream())) out += piece;
    })();
    const err = new Response(pull.stderr).text();
    await servedAtLeast(at.registry, model.layers[0]!.digest, 2 * MIB);
    const seen = await at.run(OTHER, "status", "--output", "json", ...flags);
    assert.equal(seen.code, 0, seen.err);
    const [one] = JSON.parse(seen.out).pulls;
    assert.equal(one.full_name, model.name);
    assert.ok(one.percent > 0 && one.bytes_per_second > 0, seen.out);
    const partial = await at.run(OTHER, "list", "--partial", ...flags);
    assert.match(partial.out, /big:latest .* pid \d+ on /, partial.err);
    const refused = await at.run(OTHER, "pause", ...flags);
    assert.equal(refused.code, 1);
    assert.match(refused.err, /only the owner of .* can set this for all its pulls\nhint: /);
    const paused = await at.run(0, "pause", ...flags);
    assert.equal(paused.code, 0, paused.err);
    assert.match(paused.out, /1 pull is running/);
    assert.equal(Deno.statSync(`${at.models}/.pullm/paused`).uid, OWNER);
    await until(() => out.includes('"Closed":"paused"'), "it is not paused");
    delete at.registry.faults.data;
    assert.equal((await at.run(OWNER, "resume", ...flags)).code, 0);
    const { code } = await pull.status;
    await read;
    assert.equal(code, 0, await err);
  },
);

testWith(
  ["a compiled program", "root"],
  "a copy into the folder of another user is theirs, and no second name of the first one's files",
  async () => {
    await using at = await place();
    const model = at.registry.add("library/tiny:latest", makeModel({ size: 2 * MIB }));
    const { name, manifest, layers, config } = model;
    const pulled = await at.run(OWNER, "pull", name, "--insecure", "--models-dir", at.models);
    assert.equal(pulled.code, 0, pulled.err);
    const denied = await at.run(OWNER, "cp", name, at.others, "--models-dir", at.models);
    assert.equal(denied.code, 1);
    assert.match(denied.err, /permission denied/);
    for (const uid of [OTHER, 0]) {
      const { code, err } = await at.run(uid, "cp", name, at.others, "--models-dir", at.models);
      assert.equal(code, 0, err);
      assertInstalled(at.others, name, { manifest, blobs: [...layers, config!] });
      for (const { digest } of layers) {
        const file = digest.replace(":", "-");
        const [copy, first] = [at.others, at.models].map((models) =>
          Deno.statSync(`${models}/blobs/${file}`)
        );
        assert.deepEqual([copy!.uid, copy!.gid], [OTHER, OTHER]);
        assert.notEqual(copy!.ino, first!.ino);
      }
      await Deno.remove(at.others, { recursive: true });
    }
    const kept = await at.run(OTHER, "mv", name, at.others, "--models-dir", at.models);
    assert.equal(kept.code, 1, kept.err);
    assert.match(kept.err, /cannot remove .*tiny:latest from /);
    assertInstalled(at.models, name, { manifest, blobs: [...layers, config!] });
    assertInstalled(at.others, name, { manifest, blobs: [...layers, config!] });
  },
);
