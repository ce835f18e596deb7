import assert from "node:assert/strict";
import { makeModel } from "../fakes/model.ts";
import { startRegistry } from "../fakes/registry.ts";
import { testWith } from "../needs.ts";
import { runToEnd, temporaryFolder } from "../real/child.ts";
import { assertInstalled, filesIn } from "../real/store.ts";
import { MIB, quiet } from "./kills.ts";
import { machine } from "./machine.ts";

/** A tmpfs of the given size in MiB. */
async function smallDisk(mebibytes: number) {
  const folder = await temporaryFolder();
  const sized = (size: number) => `size=${size}m`;
  const mount = async (...args: string[]) => {
    const { code, err } = await runToEnd(["mount", ...args]);
    assert.equal(code, 0, err);
  };
  await mount("-t", "tmpfs", "-o", sized(mebibytes), "none", folder.path);
  return {
    path: folder.path,
    grow: (size: number) => mount("-o", `remount,${sized(size)}`, folder.path),
    async [Symbol.asyncDispose]() {
      await runToEnd(["umount", folder.path]);
      await folder[Symbol.asyncDispose]();
    },
  };
}

testWith(
  ["root"],
  "case 92: a disk that fills up ends the pull with exit code 2, and with more space it resumes",
  async () => {
    await using disk = await smallDisk(20);
    await using registry = await startRegistry();
    const models = `${disk.path}/models`;
    await using place = await machine(models);
    const model = registry.add("library/tiny:latest", makeModel({ size: 32 * MIB }));
    const weights = model.layers[0]!;
    {
      await using refused = place.start([model.name, "--quiet"]);
      assert.equal((await refused.ended).code, 2);
      assert.deepEqual(filesIn(disk.path), [], "nothing is made where it cannot fit");
    }
    {
      await using full = place.start([model.name, "--force", "--output", "compact"]);
      assert.equal((await full.ended).code, 2, full.err());
      assert.match(full.err(), /: not enough disk space; .* still to download, .* short/);
      assert.match(full.err(), /pullama clean would free nothing of other models, but drop/);
      assert.doesNotMatch(full.err(), /unexpected|\n\s+at /);
    }
    await quiet(registry);
    assert.throws(() => Deno.statSync(`${models}/manifests`), Deno.errors.NotFound);
    const before = registry.served(weights.digest);
    assert.ok(before >= 16 * MIB);
    {
      await using still = place.start([model.name, "--force", "--output", "compact"]);
      assert.equal((await still.ended).code, 2, still.err());
      await quiet(registry);
    }
    const fullAgain = registry.served(weights.digest);
    await disk.grow(120);
    await using more = place.start([model.name, "--output", "compact"]);
    assert.equal((await more.ended).code, 0, more.err());
    assertInstalled(models, model.name, {
      manifest: model.manifest,
      blobs: [...model.layers, model.config!],
    });
    await quiet(registry);
    const last = registry.served(weights.digest) - fullAgain;
    assert.ok(last <= weights.size - 14 * MIB, `${last} bytes after there was room`);
  },
);

testWith(
  ["root"],
  "case 120: a pull that runs out of disk space leaves no empty directory below manifests",
  async () => {
    await using disk = await smallDisk(8);
    await using registry = await startRegistry();
    await using place = await machine(`${disk.path}/models`);
    const model = registry.add("library/tiny:latest", makeModel({ size: 16 * MIB }));
    await using full = place.start([model.name, "--force", "--quiet"]);
    assert.equal((await full.ended).code, 2, full.err());
    assert.throws(() => Deno.statSync(`${disk.path}/models/manifests`), Deno.errors.NotFound);
  },
);
