import assert from "node:assert/strict";
import { parseName } from "../../../src/core/name.ts";
import { type Disk, realDisk } from "../../../src/io/disk.ts";
import { waitLock } from "../../../src/io/lock.ts";
import { readIntents } from "../../../src/store/layout/intents.ts";
import { manifestPath } from "../../../src/store/layout/paths.ts";
import { intentOf } from "../../../src/transfer/amounts.ts";
import { age } from "../../fakes/prune.ts";
import { otherHolder } from "../../io/other_process.ts";
import { blobOf, exists, manifestOf, namesIn, noSignal, Witness, World } from "../world.ts";
import { bring } from "./small_model.ts";

/** Two models that share a blob. */
const SHARED = blobOf(90_000, 1);
const ONE = [blobOf(40_000, 2), SHARED];
const TWO = [blobOf(50_000, 3), SHARED];
type Blobs = typeof ONE;

/** Begins a pull of the model. */
async function begin(world: World, name: string, blobs: Blobs, disk?: Disk) {
  const statuses = await world.folder().survey(blobs.map(({ blob }) => blob));
  const intent = intentOf(parseName(name), statuses, { hours: undefined });
  return await world.folder(disk).enter(noSignal(), () => {}, intent);
}

async function install(world: World, name: string, blobs: Blobs): Promise<void> {
  await using session = await begin(world, name, blobs);
  await bring(session, blobs);
  assert.deepEqual(await session.commit(parseName(name), manifestOf(blobs)), []);
}

/** As `ollama rm` does. */
function removeAsOllama(world: World, name: string, blobs: Blobs): void {
  Deno.removeSync(manifestPath(world.paths, parseName(name)));
  for (const { blob } of blobs) Deno.removeSync(world.at(blob).final);
}

/** The real disk; `act` is called once `arm` was, after the next manifest got its name. */
function afterManifest(
  act: () => Promise<void>,
): { readonly disk: Disk; readonly arm: () => void } {
  let armed = false;
  const disk: Disk = {
    ...realDisk,
    async rename(from, to) {
      await realDisk.rename(from, to);
      if (!armed || !to.endsWith("/latest")) return;
      armed = false;
      await act();
    },
  };
  return { disk, arm: () => armed = true };
}

Deno.test("a blob that waits for the rest of its model survives the removal of another one that shared it", async () => {
  await using world = await World.make();
  {
    await using two = await begin(world, "two", TWO);
    assert.equal(await bring(two, [SHARED]), 1);
    await install(world, "one", ONE);
    removeAsOllama(world, "one", ONE);
    assert.equal(await bring(two, TWO), 1, "the shared blob was downloaded again");
    assert.deepEqual(await two.commit(parseName("two"), manifestOf(TWO)), []);
  }
  assert.ok(!exists(world.at(SHARED.blob).ready));
  assert.deepEqual(await readIntents(world.paths), []);
});

Deno.test("rm of a model keeps a blob that an interrupted pull of another one has", async () => {
  await using world = await World.make();
  {
    await using two = await begin(world, "two", TWO);
    assert.equal(await bring(two, [SHARED]), 1);
  }
  await install(world, "one", ONE);
  assert.ok((await world.folder().remove([parseName("one")]))[0]!.removed);
  await using two = await begin(world, "two", TWO);
  assert.equal(await bring(two, TWO), 1, "the shared blob was downloaded again");
});

Deno.test("a kill between the commits of two models that share a blob leaves none without it", async () => {
  await using world = await World.make();
  await using one = await begin(world, "one", ONE);
  await bring(one, ONE);
  const { disk, arm } = afterManifest(async () => {
    assert.deepEqual(await one.commit(parseName("one"), manifestOf(ONE)), []);
    removeAsOllama(world, "one", ONE);
    throw new Error("killed");
  });
  {
    await using two = await begin(world, "two", TWO, disk);
    await bring(two, TWO);
    arm();
    await assert.rejects(two.commit(parseName("two"), manifestOf(TWO)), { message: "killed" });
  }
  assert.ok(exists(manifestPath(world.paths, parseName("two"))));
  assert.ok(exists(world.at(SHARED.blob).ready), "the model has lost its blob");
});

/** What removes blobs, beside an interrupted pull that has found the shared one installed. */
const REMOVALS: Readonly<Record<string, (world: World) => Promise<unknown>>> = {
  "prune": async (world) => {
    Deno.removeSync(manifestPath(world.paths, parseName("one")));
    age(world.models, 2);
    await world.folder().prune({ dryRun: false, all: false });
  },
  "an update of the other model": async (world) => {
    await install(world, "one", ONE.slice(0, 1));
    await world.folder().dropReplaced();
  },
  "rm of the other model": (world) => world.folder().remove([parseName("one")]),
};

for (const [what, remove] of Object.entries(REMOVALS)) {
  Deno.test(`${what} keeps a blob that an interrupted pull has found and needs`, async () => {
    await using world = await World.make();
    await install(world, "one", ONE);
    {
      await using _two = await begin(world, "two", TWO);
    }
    await remove(world);
    assert.ok(exists(world.at(SHARED.blob).final));
    // Once that pull is over, it goes with its model.
    await install(world, "two", TWO);
    await world.folder().remove([parseName("two")]);
    assert.equal(exists(world.at(SHARED.blob).final), false);
  });
}

Deno.test("the blobs of a replaced model are kept while ollama pull may be counting on them", async () => {
  await using world = await World.make();
  await install(world, "one", ONE);
  const partial = `${world.at(TWO[0]!.blob).final}-partial`;
  Deno.writeTextFileSync(partial, "what ollama pull has of a blob of its own");
  await install(world, "one", ONE.slice(0, 1));
  assert.equal(await world.folder().dropReplaced(), 0);
  assert.ok(exists(world.at(SHARED.blob).final));
  Deno.removeSync(partial);
  assert.equal(await world.folder().dropReplaced(), SHARED.blob.size);
});

Deno.test("a commit that waits for another process says so, and ends with its signal", async () => {
  await using world = await World.make();
  const isFinal = (path: string) => path.includes("/blobs/sha256-");
  const other = () => Promise.reject(Object.assign(new Error("other device"), { code: "EXDEV" }));
  const disk: Disk = {
    ...realDisk,
    link: (from, to) => isFinal(from) === isFinal(to) ? realDisk.link(from, to) : other(),
    rename: (from, to) => isFinal(from) === isFinal(to) ? realDisk.rename(from, to) : other(),
  };
  const stop = new AbortController();
  const waiting = () => stop.abort(new Error("stopped"));
  await using session = await world.folder(disk).enter(stop.signal, waiting, undefined);
  await bring(session, TWO);
  const { lock } = world.at(SHARED.blob);
  await using holder = await otherHolder(lock);
  await assert.rejects(session.commit(parseName("two"), manifestOf(TWO)), { message: "stopped" });
  await holder.kill();
  // The request that was given up is granted for a moment, and is dropped.
  using _lock = await waitLock(lock, { signal: noSignal(), onWait: () => {} });
});

Deno.test("clean keeps a damaged file that a running pull is about to repair", async () => {
  await using world = await World.make();
  const { blob, bytes } = blobOf(3 * 1024 * 1024, 5);
  await Deno.mkdir(world.paths.blobs, { recursive: true });
  await Deno.writeFile(world.at(blob).final, bytes.subarray(0, 2 * 1024 * 1024));
  await using session = await begin(world, "two", [{ blob, bytes }, TWO[0]!]);
  assert.equal(await session.verifyOrQuarantine(blob, noSignal(), new Witness()), false);
  const options = { models: [], dryRun: false, queue: false, signal: noSignal() };
  const { removed, left } = await world.folder().clean(options);
  assert.deepEqual([removed.length, left.map(({ why }) => why)], [0, ["busy"]]);
  await using ingest = await session.ingest(blob, noSignal(), new Witness());
  assert.ok(ingest!.kept() > 1024 * 1024, `${ingest!.kept()} bytes are kept`);
});

Deno.test("two models that are stored at the same time leave no second name of what they share", async () => {
  await using world = await World.make();
  const { disk, arm } = afterManifest(async () => {
    await two.commit(parseName("two"), manifestOf(TWO));
  });
  await using one = await begin(world, "one", ONE, disk);
  await using two = await begin(world, "two", TWO);
  await bring(one, ONE);
  await bring(two, TWO);
  arm();
  assert.deepEqual(await one.commit(parseName("one"), manifestOf(ONE)), []);
  await one[Symbol.asyncDispose]();
  await two[Symbol.asyncDispose]();
  await world.folder().dropReplaced();
  assert.deepEqual(namesIn(world.paths.ready), []);
  assert.ok(exists(world.at(SHARED.blob).final));
});

Deno.test("what another version of a model has found is kept when this version is stored", async () => {
  await using world = await World.make();
  const [own, found] = [ONE[0]!, TWO[0]!];
  await install(world, "other", [found]);
  await using first = await begin(world, "one", [own]);
  {
    // Of this version nothing else is missing.
    await using _second = await begin(world, "one", [own, found]);
    await bring(first, [own]);
    assert.deepEqual(await first.commit(parseName("one"), manifestOf([own])), []);
    await first[Symbol.asyncDispose]();
  }
  await world.folder().remove([parseName("other")]);
  assert.ok(exists(world.at(found.blob).final));
});
