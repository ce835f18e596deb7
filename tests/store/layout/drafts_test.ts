import assert from "node:assert/strict";
import { againIfRemoved } from "../../../src/io/atomic.ts";
import { type Disk, realDisk } from "../../../src/io/disk.ts";
import { folderAt } from "../../../src/store/layout/folder.ts";
import { readControls, writeRate } from "../../../src/store/layout/controls.ts";
import { makeFolder } from "../../../src/store/layout/ownership.ts";
import { noSignal, World } from "../world.ts";
import { cleanFolder } from "../../../src/store/clean/clean.ts";

/** A disk beside which another process cleans the folder before each of the first `times` renames. */
function cleanedBy(world: World, times: number): Disk {
  return {
    ...realDisk,
    async rename(from, to) {
      if (times-- > 0) {
        const options = { models: [], dryRun: false, queue: false, signal: noSignal() };
        await cleanFolder(folderAt(world.paths), options);
      }
      await realDisk.rename(from, to);
    },
  };
}

Deno.test("a folder is made though another process cleans before each of its steps", async () => {
  await using world = await World.make();
  await makeFolder(realDisk, world.paths.own, { mode: 0o755 });
  await makeFolder(cleanedBy(world, 3), world.paths.ready, { mode: 0o755 });
  assert.ok((await Deno.stat(world.paths.ready)).isDirectory);
});

Deno.test("a rate is set though another process cleans at that moment", async () => {
  await using world = await World.make();
  await makeFolder(realDisk, world.paths.own, { mode: 0o755 });
  await writeRate(folderAt(world.paths, cleanedBy(world, 2)), 5000);
  assert.deepEqual(await readControls(world.paths), { rate: 5000, paused: false });
});

Deno.test("a folder without its parent is reported, and tried only so often", async () => {
  await using world = await World.make();
  await assert.rejects(
    makeFolder(realDisk, `${world.paths.own}/none/x`, {}),
    /cannot create .*none\/x: no such file or directory/,
  );
  let rounds = 0;
  await assert.rejects(
    againIfRemoved(() => {
      rounds++;
      return Promise.reject(new Deno.errors.NotFound("gone"));
    }),
    /gone/,
  );
  assert.equal(rounds, 10);
});
