import assert from "node:assert/strict";
import { parseName } from "../../../src/core/name.ts";
import type { Removal } from "../../../src/core/reports/rm.ts";
import type { Disk } from "../../../src/io/disk.ts";
import { tryLock } from "../../../src/io/lock.ts";
import { otherHolder } from "../../io/other_process.ts";
import { linkTo } from "../../fakes/link.ts";
import {
  type FixtureModel,
  type ModelsFolderFixture,
  snapshotOf,
  writeModelsFolder,
} from "../../fakes/models_folder.ts";
import { RecordingDisk, systemError } from "../../fakes/recording_disk.ts";
import { exists, namesIn, World } from "../world.ts";
import { testWith } from "../../needs.ts";

function rm(world: World, names: readonly string[], disk?: Disk): Promise<Removal[]> {
  return world.folder(disk).remove(names.map(parseName));
}

/** What happened to the names, in one word each. */
function ends(removals: readonly Removal[]): string[] {
  return removals.map(({ removed, error }) => removed ? "removed" : error!.kind);
}

const blobsOf = (world: World) => namesIn(world.paths.blobs);

/** Everything that the models of the fixture consist of and is not in `gone`, is there. */
function assertWhole(world: World, models: readonly FixtureModel[], step = ""): void {
  for (const { path, blobs } of models) {
    if (!exists(`${world.models}/${path}`)) continue;
    for (const blob of blobs) {
      assert.ok(exists(`${world.paths.blobs}/${blob}`), `${step}: ${path} lacks ${blob}`);
    }
  }
}

function all({ models, newer, listed }: ModelsFolderFixture): FixtureModel[] {
  const hiding = models.llama.path.replace("manifests/", "manifests-v2/");
  return [...Object.values(models), { ...models.llama, path: hiding }, newer, listed];
}

Deno.test("case 101: removeModels() leaves shared blobs, takes exclusive ones and empty folders", async () => {
  await using world = await World.make();
  const fixture = writeModelsFolder(world.models);
  const { hub, small, created } = fixture.models;
  const before = blobsOf(world);
  const [first] = await rm(world, ["hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M"]);
  assert.deepEqual([first!.removed?.blobs, first!.removed?.shared], [hub.blobs.length, 0]);
  assert.deepEqual(blobsOf(world), before.filter((name) => !hub.blobs.includes(name)));
  assert.equal(exists(`${world.paths.manifests}/hf.co`), false, "empty folders go");
  const [second] = await rm(world, ["llama3.2:1b"]);
  const shared = small.blobs.filter((blob) => blob !== small.blobs[0]);
  assert.deepEqual([second!.removed?.blobs, second!.removed?.shared], [1, shared.length]);
  for (const blob of shared) assert.ok(exists(`${world.paths.blobs}/${blob}`));
  assert.ok(exists(`${world.models}/${created.path}`));
  assertWhole(world, all(fixture));
});

Deno.test("removeModels() says how many bytes came free", async () => {
  await using world = await World.make();
  const { models } = writeModelsFolder(world.models);
  const size = (path: string) => Deno.statSync(path).size;
  const { hub } = models;
  const expected = hub.blobs.reduce((sum, blob) => sum + size(`${world.paths.blobs}/${blob}`), 0) +
    size(`${world.models}/${hub.path}`);
  const [{ removed }] = await rm(world, [hub.name]) as [Removal];
  assert.equal(removed?.bytes, expected);
});

Deno.test("removeModels() of every model leaves no blob that one of them used", async () => {
  await using world = await World.make();
  const fixture = writeModelsFolder(world.models);
  const names = [...new Set(all(fixture).map(({ name }) => name))];
  const removals = await rm(world, names);
  assert.deepEqual(new Set(ends(removals)), new Set(["removed"]));
  const used = new Set(all(fixture).flatMap(({ blobs }) => blobs));
  assert.deepEqual(blobsOf(world).filter((name) => used.has(name)), []);
  assert.deepEqual(namesIn(`${world.models}/manifests-v2`), []);
  assert.ok(exists(`${world.paths.blobs}/${fixture.orphan}`), "what no model used is not ours");
  for (const path of [...fixture.ofOllama, ...fixture.ofDesktops, fixture.queue]) {
    assert.ok(exists(`${world.models}/${path}`), path);
  }
});

Deno.test("case 102: removeModels() removes nothing where one manifest cannot be read, and names it", async () => {
  for (const tree of ["manifests", "manifests-v2", "manifests.bak"]) {
    await using world = await World.make();
    writeModelsFolder(world.models);
    const broken = `${world.models}/${tree}/registry.ollama.ai/library/broken/latest`;
    await Deno.mkdir(broken.replace(/\/latest$/, ""), { recursive: true });
    await Deno.writeTextFile(broken, '{"schemaVersion":2,"layers":[{"digest":"sha2');
    const before = snapshotOf(world.models);
    const removals = await rm(world, ["llama3.2", "nosuch", "mine"]);
    assert.deepEqual(ends(removals), ["manifest", "not_found", "manifest"]);
    assert.ok(removals[0]!.error!.message.includes(broken), removals[0]!.error!.message);
    await Deno.remove(world.paths.storeLock);
    assert.deepEqual(snapshotOf(world.models), before);
  }
});

Deno.test("case 103: a tag that looks like a lock file counts", async () => {
  await using world = await World.make();
  const { models } = writeModelsFolder(world.models);
  const [{ removed }] = await rm(world, ["llama3.2"]) as [Removal];
  assert.ok(removed);
  assertWhole(world, [models.locked, models.small, models.created]);
});

Deno.test("case 106: removeModels() tries the others when a model is missing, and makes nothing for it", async () => {
  await using world = await World.make();
  const { models } = writeModelsFolder(world.models);
  assert.deepEqual(ends(await rm(world, ["nosuch", "mine", "nosuch2"])), [
    "not_found",
    "removed",
    "not_found",
  ]);
  assert.equal(exists(`${world.models}/${models.created.path}`), false);
  await using empty = await World.make();
  assert.deepEqual(ends(await rm(empty, ["nosuch"])), ["not_found"]);
  assert.deepEqual(namesIn(empty.models), []);
  await Deno.remove(empty.models);
  assert.deepEqual(ends(await rm(empty, ["nosuch"])), ["not_found"]);
  assert.equal(exists(empty.models), false);
  await Deno.mkdir(empty.models);
});

Deno.test("case 116: blobs that only a link in manifests-v2 leads to stay", async () => {
  await using world = await World.make();
  const fixture = writeModelsFolder(world.models);
  const { newer, listed } = fixture;
  // The tag in manifests/ has the same blobs as the one that only newer servers see.
  const copy = `${world.paths.manifests}/registry.ollama.ai/library/copy/latest`;
  await Deno.mkdir(copy.replace(/\/latest$/, ""), { recursive: true });
  await Deno.copyFile(`${world.models}/${newer.path}`, copy);
  const [{ removed }] = await rm(world, ["copy"]) as [Removal];
  assert.equal(removed?.blobs, 0);
  assert.equal(removed?.shared, newer.blobs.length + 1, "the manifest is a blob as well");
  assertWhole(world, all(fixture));
  for (const { hex } of [newer, listed]) assert.ok(exists(`${world.paths.blobs}/sha256-${hex}`));
});

Deno.test("case 116: a hard link or a copy in manifests-v2 keeps the blob it was made from", async () => {
  await using world = await World.make();
  const { models, newer } = writeModelsFolder(world.models);
  const path = `${world.models}/${newer.path}`;
  const blob = `${world.paths.blobs}/sha256-${newer.hex}`;
  for (const again of [Deno.linkSync, Deno.copyFileSync]) {
    await Deno.remove(path);
    again(blob, path);
    await rm(world, [models.hub.name, "mine"]);
    assertWhole(world, [newer]);
    assert.ok(exists(blob));
  }
});

Deno.test("removeModels() takes a model out of both trees, or of manifests-v2 where it is only there", async () => {
  await using world = await World.make();
  const fixture = writeModelsFolder(world.models);
  const { models, newer, listed } = fixture;
  assert.deepEqual(ends(await rm(world, ["llama3.2", "newer", "listed"])), [
    "removed",
    "removed",
    "removed",
  ]);
  assert.equal(exists(`${world.models}/${models.llama.path}`), false);
  assert.deepEqual(namesIn(`${world.models}/manifests-v2`), []);
  for (const blob of [...newer.blobs, ...listed.blobs, `sha256-${models.llama.hex}`]) {
    assert.equal(exists(`${world.paths.blobs}/${blob}`), false, "no link is left that needs it");
  }
  assertWhole(world, all(fixture));
});

Deno.test("removeModels() counts what a copy of the manifests uses, and leaves the copy alone", async () => {
  await using world = await World.make();
  const { models } = writeModelsFolder(world.models);
  const copy = models.hub.path.replace("manifests/", "manifests.bak/");
  await Deno.mkdir(`${world.models}/${copy}`.replace(/\/[^/]+$/, ""), { recursive: true });
  await Deno.copyFile(`${world.models}/${models.hub.path}`, `${world.models}/${copy}`);
  const [{ removed }] = await rm(world, [models.hub.name]) as [Removal];
  assert.deepEqual([removed?.blobs, removed?.shared], [0, models.hub.blobs.length]);
  assertWhole(world, [{ ...models.hub, path: copy }]);
  assert.ok(exists(`${world.models}/${copy}`));
  assert.deepEqual(ends(await rm(world, [models.hub.name])), ["not_found"]);
});

Deno.test("removeModels() finds a model in whatever case it is given", async () => {
  await using world = await World.make();
  const { models } = writeModelsFolder(world.models);
  const [{ removed }] = await rm(world, ["mixed-case:q4_k_m"]) as [Removal];
  assert.equal(removed?.name.model, "Mixed-Case");
  assert.equal(exists(`${world.models}/${models.mixedCase.path}`), false);
  assert.deepEqual(ends(await rm(world, ["mine", "MINE"])), ["removed", "not_found"]);
});

Deno.test("removeModels() leaves what is unfinished of a blob that another model uses", async () => {
  await using world = await World.make();
  const { models } = writeModelsFolder(world.models);
  const shared = `${world.paths.own}/${models.small.blobs[1]}.partial`;
  await Deno.writeTextFile(shared, "half");
  await rm(world, [models.small.name]);
  assert.ok(exists(shared));
  await rm(world, ["mine"]);
  assert.equal(exists(shared), false);
});

testWith(
  ["symbolic links"],
  "removeModels() does not follow links: not of folders, not of blobs",
  async () => {
    await using world = await World.make();
    const { models } = writeModelsFolder(world.models);
    const elsewhere = `${world.root}/elsewhere`;
    const library = `${world.paths.manifests}/localhost`;
    await Deno.rename(library, elsewhere);
    linkTo(elsewhere, library);
    const [behind] = await rm(world, [models.local.name]);
    assert.equal(behind?.error?.kind, "local");
    assert.ok(behind!.error!.message.includes(library));
    assert.ok(exists(`${elsewhere}/team/own/latest`));
    assertWhole(world, [models.local]);
    // A blob that somebody keeps on another disk: the link goes.
    const weights = models.mixedCase.blobs[1]!;
    await Deno.rename(`${world.paths.blobs}/${weights}`, `${world.root}/${weights}`);
    linkTo(`${world.root}/${weights}`, `${world.paths.blobs}/${weights}`);
    assert.deepEqual(ends(await rm(world, [models.mixedCase.name])), ["removed"]);
    assert.equal(exists(`${world.paths.blobs}/${weights}`), false);
    assert.ok(exists(`${world.root}/${weights}`));
  },
);

Deno.test("removeModels() removes the manifest for good before the first blob", async () => {
  await using world = await World.make();
  const { models } = writeModelsFolder(world.models);
  const disk = new RecordingDisk();
  await rm(world, [models.hub.name], disk);
  const at = (does: string, part: string) =>
    disk.steps.findIndex((step) => step.does === does && step.path.includes(part));
  assert.ok(at("remove", "/Q4_K_M") < at("sync folder", "Instruct-GGUF"));
  assert.ok(at("sync folder", "Instruct-GGUF") < at("remove", "/blobs/"));
});

Deno.test("removeModels() that is cut off after any step leaves no model without its blobs", async () => {
  const names = ["llama3.2", "newer", "listed", "user/tuned:v1.locked"];
  for (const power of [false, true]) {
    for (let stopAfter = 1;; stopAfter++) {
      await using world = await World.make();
      const fixture = writeModelsFolder(world.models);
      const disk = new RecordingDisk({ stopAfter, ...(power && { grave: world.grave }) });
      try {
        await rm(world, names, disk);
      } catch (error) {
        if (!disk.stopped) throw error;
      }
      disk.cutPower(true);
      assertWhole(world, all(fixture), `${stopAfter}: ${disk.steps.at(-1)?.does}`);
      const again = await rm(world, names);
      for (const end of ends(again)) assert.ok(["removed", "not_found"].includes(end));
      assertWhole(world, all(fixture));
      assert.equal(exists(`${world.models}/${fixture.models.locked.path}`), false);
      if (disk.stopped) continue;
      assert.ok(stopAfter > 20, "the steps were seen");
      break;
    }
  }
});

Deno.test("removeModels() spares the blobs of a model that a server stores meanwhile", async () => {
  for (const whole of [true, false]) {
    await using world = await World.make();
    const { models } = writeModelsFolder(world.models);
    const copy = `${world.paths.manifests}/registry.ollama.ai/library/copied/latest`;
    const disk = new RecordingDisk({
      before: ({ does, path }) => {
        if (does !== "remove" || !path.endsWith("/Q4_K_M")) return;
        Deno.mkdirSync(copy.replace(/\/latest$/, ""), { recursive: true });
        Deno.copyFileSync(`${world.models}/${models.hub.path}`, copy);
        if (!whole) Deno.truncateSync(copy, 40);
      },
    });
    const [removal] = await rm(world, [models.hub.name], disk);
    assertWhole(world, [{ ...models.hub, path: copy.slice(world.models.length + 1) }]);
    if (whole) assert.equal(removal!.removed!.shared, models.hub.blobs.length);
    else assert.match(removal!.error!.message, /manifest was removed, but not its blobs: .*copied/);
  }
});

Deno.test("removeModels() goes on with the next model after one that cannot be removed", async () => {
  await using world = await World.make();
  const { models } = writeModelsFolder(world.models);
  const disk = new RecordingDisk({
    fail: ({ does, path }) =>
      does === "remove" && path.endsWith("/Q4_K_M") ? systemError("EACCES") : undefined,
  });
  const removals = await rm(world, [models.hub.name, "mine"], disk);
  assert.deepEqual(ends(removals), ["local", "removed"]);
  assert.ok(removals[0]!.error!.message.includes(models.hub.path));
  assertWhole(world, Object.values(models));
});

testWith(
  ["readable locks"],
  "case 104: removeModels() refuses while a pull runs, says who does it and changes nothing",
  async () => {
    await using world = await World.make();
    writeModelsFolder(world.models);
    await (await world.enter())[Symbol.asyncDispose]();
    const before = snapshotOf(world.models);
    await using pull = await otherHolder(world.paths.storeLock);
    const removals = await rm(world, ["llama3.2", "nosuch", "mine"]);
    assert.deepEqual(ends(removals), ["busy", "not_found", "busy"]);
    assert.ok(removals[0]!.error!.message.includes(`pid ${pull.pid} on`));
    const after = snapshotOf(world.models);
    after.delete(".pullm/store.lock");
    before.delete(".pullm/store.lock");
    assert.deepEqual(after, before);
    await pull.kill();
    assert.deepEqual(ends(await rm(world, ["llama3.2"])), ["removed"]);
  },
);

Deno.test("removeModels() lets go of the store", async () => {
  await using world = await World.make();
  writeModelsFolder(world.models);
  await rm(world, ["llama3.2", "nosuch"]);
  using lock = await tryLock(world.paths.storeLock);
  assert.ok(lock);
});
