import assert from "node:assert/strict";
import { blobFile, manifestPath } from "../../../src/store/layout/paths.ts";
import { age, prune } from "../../fakes/prune.ts";
import { isAt, RecordingDisk } from "../../fakes/recording_disk.ts";
import { assertComplete, BLOBS, bring, MANIFEST, pull } from "./small_model.ts";
import { exists, fetchBlob, NAME, namesIn, noSignal, Witness, World } from "../world.ts";
import { SEED, THOROUGH } from "../../seed.ts";

/** Every step in the long tests, else some, from another one each time. */
const EVERY = THOROUGH ? 1 : 3;

Deno.test("commit() leaves the model, and nothing else, in blobs/ and manifests/", async () => {
  await using world = await World.make();
  assert.equal(await pull(world), 3);
  assertComplete(world);
  assert.deepEqual(
    namesIn(world.paths.blobs),
    BLOBS.map(({ blob }) => blobFile(blob.digest)).sort(),
  );
  assert.deepEqual(namesIn(world.paths.ready), []);
  assert.deepEqual(namesIn(world.paths.temporary), []);
  assert.equal(await pull(world), 0, "everything is there now");
});

Deno.test("commit() puts blobs and their folder on disk before the manifest", async () => {
  await using world = await World.make();
  const disk = new RecordingDisk();
  await pull(world, disk);
  const at = (does: string, ending: string) =>
    disk.steps.findLastIndex((step) => step.does === does && step.path.endsWith(ending));
  const named = disk.steps.findLastIndex(({ does, path }) =>
    does === "link" && path.startsWith(world.paths.blobs)
  );
  const manifest = at("rename", "/latest");
  assert.ok(named < at("sync folder", "/blobs") && at("sync folder", "/blobs") < manifest);
  assert.ok(manifest < at("sync folder", "/model"));
  assert.ok(
    at("sync folder", "/model") <
      disk.steps.findIndex(({ does, path }) =>
        does === "remove" && path.startsWith(world.paths.ready)
      ),
  );
});

Deno.test("case 89: stopped after any step, aged and pruned, the next run needs no blob", async () => {
  for (let stopAfter = 1 + SEED % EVERY;; stopAfter += EVERY) {
    await using world = await World.make();
    {
      await using session = await world.enter();
      assert.equal(await bring(session), 3);
    }
    const disk = new RecordingDisk({ stopAfter });
    try {
      await pull(world, disk);
    } catch (error) {
      if (!disk.stopped) throw error;
    }
    age(world.models, 2);
    prune(world.models);
    const step = `${stopAfter}: ${disk.steps.at(-1)?.does} ${disk.steps.at(-1)?.path}`;
    assert.equal(await pull(world), 0, step);
    assertComplete(world, step);
    assert.deepEqual(namesIn(world.paths.ready), [], step);
    if (!disk.stopped) return;
  }
});

for (const names of [false, true]) {
  const what = names ? "data and names" : "data";
  Deno.test(`case 84: a power cut at any step of commit that loses ${what} costs no blob`, async () => {
    for (let stopAfter = await stepsToBring() + SEED % EVERY;; stopAfter += EVERY) {
      await using world = await World.make();
      const disk = new RecordingDisk({ stopAfter, grave: world.grave });
      let brought = false;
      let visible = false;
      try {
        await using session = await world.enter(disk);
        await bring(session);
        brought = true;
        assert.deepEqual(await session.commit(NAME, MANIFEST), []);
        visible = true;
      } catch (error) {
        if (!disk.stopped) throw error;
      }
      disk.cutPower(names);
      const last = disk.steps.at(-1);
      const step = `${stopAfter}: ${last?.does} ${last?.path}`;
      if (visible || exists(manifestPath(world.paths, NAME))) assertComplete(world, step);
      const fetched = await pull(world);
      if (brought) assert.equal(fetched, 0, step);
      assertComplete(world, step);
      if (!disk.stopped) return;
    }
  });
}

/** Durable steps up to where all blobs are there, less some that need not happen every time. */
async function stepsToBring(): Promise<number> {
  await using world = await World.make();
  const disk = new RecordingDisk();
  await using session = await world.enter(disk);
  await bring(session);
  return disk.steps.length - 5;
}

Deno.test("case 88: a prune between two runs takes nothing of an unfinished pull", async () => {
  await using world = await World.make();
  const { blob, bytes } = BLOBS[2]!;
  {
    await using session = await world.enter();
    await fetchBlob(session, BLOBS[1]!);
    await using ingest = (await session.ingest(blob, noSignal(), new Witness()))!;
    const writer = await ingest.writer(0);
    await writer.write(bytes.subarray(0, 60_000));
    writer.close();
  }
  age(world.models, 2);
  assert.deepEqual(prune(world.models), []);
  await using session = await world.enter();
  assert.ok(await session.verifyOrQuarantine(BLOBS[1]!.blob, noSignal(), new Witness()));
  const [fetched] = await fetchBlob(session, BLOBS[2]!, { piece: 30_000 });
  assert.deepEqual(fetched, { start: 60_000, end: 90_000 });
});

Deno.test("case 90: a shared blob that somebody removes before our manifest is linked again", async () => {
  await using world = await World.make();
  await pull(world);
  let taken = 0;
  const disk = new RecordingDisk({
    before: (step) => {
      if (step.does !== "rename" || !isAt(step, "latest")) return;
      for (const { blob } of BLOBS) Deno.removeSync(world.at(blob).final);
      taken++;
    },
  });
  assert.equal(await pull(world, disk), 0);
  assert.equal(taken, 1);
  assertComplete(world);
  const linked = disk.steps.findLastIndex(({ does }) => does === "link");
  const synced = disk.steps.findLastIndex(({ does, path }) =>
    does === "sync folder" && path === world.paths.blobs
  );
  assert.ok(linked < synced, "the names made last are on disk as well");
});

Deno.test("commit() replaces a damaged file that took the final name, and keeps a right one", async () => {
  await using world = await World.make();
  const [right, wrong] = [BLOBS[1]!, BLOBS[2]!];
  await using session = await world.enter();
  await bring(session);
  await Deno.writeFile(world.at(right.blob).final, right.bytes);
  await Deno.writeFile(world.at(wrong.blob).final, wrong.bytes.with(9, wrong.bytes[9]! ^ 1));
  const kept = (await Deno.stat(world.at(right.blob).final)).ino;
  assert.deepEqual(await session.commit(NAME, MANIFEST), []);
  assertComplete(world);
  assert.equal((await Deno.stat(world.at(right.blob).final)).ino, kept);
});

Deno.test("commit() hashes a blob that was exchanged since it was looked at", async () => {
  await using world = await World.make();
  await pull(world);
  const { blob, bytes } = BLOBS[2]!;
  await using session = await world.enter();
  assert.equal(await bring(session), 0);
  // As a pull by Ollama with a damaged copy does.
  await Deno.writeFile(`${world.root}/copy`, bytes.with(9, bytes[9]! ^ 1));
  await Deno.rename(`${world.root}/copy`, world.at(blob).final);
  assert.deepEqual(await session.commit(NAME, MANIFEST), [blob]);
  assert.equal(exists(world.at(blob).final), false);
});

Deno.test("commit() of two pulls that share blobs at the same time ends well for both", async () => {
  await using world = await World.make();
  await using one = await world.enter();
  await using other = await world.enter();
  await bring(one);
  await bring(other);
  const again = { ...NAME, tag: "other" };
  const [a, b] = await Promise.all([one.commit(NAME, MANIFEST), other.commit(again, MANIFEST)]);
  assert.deepEqual([a, b], [[], []]);
  assertComplete(world);
  assert.deepEqual(await Deno.readFile(manifestPath(world.paths, again)), MANIFEST.bytes);
});

Deno.test("commit() finds the name in ready/ gone, and takes the one in blobs/", async () => {
  await using world = await World.make();
  const { blob } = BLOBS[1]!;
  const at = world.at(blob);
  const disk = new RecordingDisk({
    before: ({ does, path }) => {
      // The other pull has published the blob and lets go of it.
      if (does === "link" && path === at.final && exists(at.ready) && !exists(at.final)) {
        Deno.renameSync(at.ready, at.final);
      }
    },
  });
  assert.equal(await pull(world, disk), 3);
  assertComplete(world);
});
