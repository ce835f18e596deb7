import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { copyFolder } from "../../fakes/copy.ts";
import { fetchBlob, fillIn, manifestOf, NAME, noSignal, Witness } from "../world.ts";
import { blobOf, World } from "../world.ts";
import { needing } from "../../needs.ts";

const BLOBS = [blobOf(300, 1), blobOf(50_000, 2)];

const asRoot = Deno.build.os !== "windows" && Deno.uid() === 0;

Deno.test({
  name: "case 94: all that root makes belongs to the owner of the models folder",
  ignore: !asRoot,
  async fn() {
    await using world = await World.make();
    await Deno.chown(world.models, 12345, 23456);
    await Deno.chmod(world.models, 0o2775);
    await using session = await world.enter();
    await session.put(BLOBS[0]!.blob, BLOBS[0]!.bytes);
    await fetchBlob(session, BLOBS[1]!);
    assert.deepEqual(await session.commit(NAME, manifestOf(BLOBS)), []);
    const half = blobOf(90_000, 3);
    await using ingest = (await session.ingest(half.blob, noSignal(), new Witness()))!;
    await fillIn(ingest, half.bytes.subarray(0, 40_000));
    await ingest.checkpoint();
    await Deno.writeFile(world.at(BLOBS[0]!.blob).ready, new Uint8Array(300));
    await Deno.chown(world.at(BLOBS[0]!.blob).ready, 12345, 23456);
    await Deno.chmod(world.at(BLOBS[0]!.blob).ready, 0o664);
    const found = below(world.models);
    const endings = ["partial", "json", "live", "lock", "ledger.json", "store.lock", "latest"];
    for (const ending of endings) {
      assert.ok(found.some((path) => path.endsWith(ending)), `${ending} was made`);
    }
    for (const path of found) {
      const { uid, gid, mode, isDirectory } = await Deno.stat(path);
      assert.deepEqual(
        { path, uid, gid, mode: (mode! & 0o7777).toString(8) },
        { path, uid: 12345, gid: 23456, mode: isDirectory ? "2775" : "664" },
      );
    }
  },
});

Deno.test({
  ...needing(["file modes"], "case 94: the umask plays no part"),
  async fn() {
    await using world = await World.make();
    await Deno.chmod(world.models, 0o755);
    const script = `${world.root}/script.ts`;
    const here = new URL("../world.ts", import.meta.url);
    await Deno.writeTextFile(
      script,
      `import { blobOf, manifestOf, NAME } from ${JSON.stringify(here.href)};
      import { openFolder } from ${JSON.stringify(new URL("../../src/store/store.ts", here).href)};
      Deno.umask(0o077);
      const folder = openFolder(Deno.args[0], { tool: "t" });
      await using session = await folder.enter(new AbortController().signal, () => {});
      const { blob, bytes } = blobOf(300);
      await session.put(blob, bytes);
      await session.commit(NAME, manifestOf([blobOf(300)]));`,
    );
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", "--no-check", `--config=${config()}`, script, world.models],
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    for (const path of below(world.models)) {
      const { mode, isDirectory } = await Deno.stat(path);
      assert.equal((mode! & 0o7777).toString(8), isDirectory ? "755" : "644", path);
    }
  },
});

Deno.test({
  name: "case 93: a folder of somebody else is named in the error, with its owner",
  ignore: !asRoot,
  async fn() {
    await using world = await World.make();
    await Deno.chmod(world.root, 0o755);
    await Deno.chown(world.models, 12345, 23456);
    // The source and the runtime may be in folders that another user cannot enter.
    const src = `${world.root}/src`;
    await copyFolder(fileURLToPath(new URL("../../../src", import.meta.url)), src);
    const script = `${world.root}/script.ts`;
    await Deno.writeTextFile(
      script,
      `import { realDisk } from ${JSON.stringify(`${src}/io/disk.ts`)};
      import { makeFolder } from ${JSON.stringify(`${src}/store/layout/ownership.ts`)};
      try {
        await makeFolder(realDisk, ${JSON.stringify(world.paths.blobs)}, {});
      } catch ({ kind, message, hint }) {
        console.log(kind, message, hint);
      }`,
    );
    const deno = `${world.root}/deno`;
    await Deno.copyFile(Deno.execPath(), deno);
    await Deno.chmod(deno, 0o755);
    const { stdout, stderr } = await new Deno.Command(deno, {
      args: ["run", "--quiet", "-A", "--no-check", "--no-config", "--no-lock", script],
      uid: 65534,
      gid: 65534,
      clearEnv: true,
      env: { DENO_DIR: `${world.root}/none`, NO_COLOR: "1" },
      cwd: "/",
    }).output();
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assert.match(text, /^local cannot create .*\/models\/blobs: permission denied/);
    assert.match(text, /owned by user 12345, group 23456/);
  },
});

function config(): string {
  return fileURLToPath(new URL("../../../deno.json", import.meta.url));
}

/** Everything below `folder`. */
function below(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? [path, ...below(path)] : [path];
  });
}
