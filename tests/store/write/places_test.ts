import assert from "node:assert/strict";
import { freeBytes } from "../../../src/io/file_system.ts";
import { blobPaths, manifestPath, pathsOf } from "../../../src/store/layout/paths.ts";
import { assertComplete, pull } from "./small_model.ts";
import {
  blobOf,
  exists,
  fetchBlob,
  leaveUnfinished,
  NAME,
  namesIn,
  noSignal,
  Witness,
  World,
} from "../world.ts";
import { RecordingDisk, systemError } from "../../fakes/recording_disk.ts";
import { linkTo } from "../../fakes/link.ts";
import { testWith } from "../../needs.ts";

const ELSEWHERE = "/tmp";
const INTENT = { name: NAME, digests: new Set([blobOf(10).blob.digest]) };
const isOther = exists(ELSEWHERE) && exists("/dev/shm") &&
  Deno.statSync(ELSEWHERE).dev !== Deno.statSync("/dev/shm").dev;

/** Makes `name` of the models folder a link to a folder on another file system. */
async function elsewhere(world: World, name: string): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir({ dir: ELSEWHERE, prefix: "pullama-elsewhere-" });
  linkTo(path, `${world.models}/${name}`);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

Deno.test({
  name: "manifests on another file system are stored, again and again, without a draft left",
  ignore: !isOther,
  async fn() {
    await using world = await World.make();
    await using other = await elsewhere(world, "manifests");
    assert.equal(await pull(world), 3);
    assertComplete(world);
    assert.equal(await pull(world), 0);
    assert.deepEqual(namesIn(other.path), [NAME.host]);
    assert.deepEqual(namesIn(world.paths.temporary), []);
  },
});

Deno.test({
  name: "blobs on another file system are downloaded there, and need room there only",
  ignore: !isOther,
  async fn() {
    await using world = await World.make();
    await using other = await elsewhere(world, "blobs");
    const { free } = await world.folder().room();
    assert.ok(Math.abs(free! - freeBytes(other.path)!) < 2 ** 30);
    const far = pathsOf(world.models);
    assert.equal(await pull(world), 3);
    assertComplete(world);
    assert.deepEqual(namesIn(world.models), ["blobs", "manifests"]);
    assert.ok(exists(far.ledger) && far.ledger.startsWith(far.blobs));
    assert.equal(await pull(world), 0);
  },
});

Deno.test({
  name: "a download that was begun before blobs moved to another file system is continued there",
  ignore: !isOther,
  async fn() {
    await using world = await World.make();
    const made = blobOf(3_000_000);
    {
      await using session = await world.enter();
      await leaveUnfinished(session, made, { start: 1_000_000, end: 2_500_000 });
    }
    await Deno.remove(world.paths.blobs, { recursive: true });
    await using _other = await elsewhere(world, "blobs");
    await using session = await world.enter();
    const fetched = await fetchBlob(session, made);
    assert.equal(fetched.reduce((sum, { start, end }) => sum + end - start, 0), 1_500_000);
    assert.ok(await session.verifyOrQuarantine(made.blob, noSignal(), new Witness()));
    const { former } = pathsOf(world.models);
    assert.deepEqual(namesIn(former!.own).filter((name) => !name.endsWith(".lock")), [
      "ready",
      "tmp",
    ]);
  },
});

Deno.test({
  name: "bytes that only positions tell of are continued as well after blobs moved",
  ignore: !isOther,
  async fn() {
    await using world = await World.make();
    const made = blobOf(3_000_000);
    let killed = false;
    const disk = new RecordingDisk({ fail: () => killed ? systemError("EIO") : undefined });
    {
      await using session = await world.enter(disk);
      await leaveUnfinished(session, made, { start: 0, end: 1_000_000 });
      const ingest = (await session.ingest(made.blob, noSignal(), new Witness()))!;
      const writer = await ingest.writer(1_000_000);
      await writer.write(made.bytes.subarray(1_000_000, 2_500_000));
      killed = true;
      writer.close();
      await assert.rejects(async () => await ingest[Symbol.asyncDispose]());
    }
    await Deno.remove(world.paths.blobs, { recursive: true });
    await using _other = await elsewhere(world, "blobs");
    await using session = await world.enter();
    const fetched = await fetchBlob(session, made);
    assert.equal(fetched.reduce((sum, { start, end }) => sum + end - start, 0), 500_000);
    assert.deepEqual(
      Deno.readFileSync(blobPaths(pathsOf(world.models), made.blob.digest).ready),
      made.bytes,
    );
  },
});

Deno.test({
  name: "what was unfinished before blobs moved to another file system is removed by clean",
  ignore: !isOther,
  async fn() {
    await using world = await World.make();
    {
      await using session = await world.enter();
      await leaveUnfinished(session, blobOf(90_000), { start: 0, end: 50_000 });
    }
    await Deno.remove(world.paths.blobs, { recursive: true });
    await using _other = await elsewhere(world, "blobs");
    const options = { models: [], dryRun: false, queue: false, signal: noSignal() };
    const { removed, left } = await world.folder().clean(options);
    assert.deepEqual([removed.length, left], [1, []]);
    const { former } = pathsOf(world.models);
    assert.deepEqual(namesIn(former!.own).filter((name) => name.startsWith("sha256")), []);
    assert.equal(await pull(world), 3);
  },
});

testWith(
  ["symbolic links"],
  "a blob that is a link to a disk that is not mounted is set aside before the download",
  async () => {
    await using world = await World.make();
    const made = blobOf(20_000);
    await using session = await world.enter();
    linkTo("/mnt/not/there", world.at(made.blob).final);
    assert.equal(await session.verifyOrQuarantine(made.blob, noSignal(), new Witness()), false);
    await fetchBlob(session, made);
    assert.equal(namesIn(world.paths.bad).length, 1);
    assert.equal(exists(world.at(made.blob).final), false);
  },
);

Deno.test("a directory in the place of the manifest ends a pull before its first byte", async () => {
  await using world = await World.make();
  const path = manifestPath(world.paths, NAME);
  await Deno.mkdir(path, { recursive: true });
  const entered = world.folder().enter(noSignal(), () => {}, INTENT);
  await assert.rejects(entered, {
    kind: "local",
    message: `cannot store the manifest: ${path} is a directory`,
  });
});

Deno.test("a file in the place of a folder of manifests ends a pull before its first byte", async () => {
  await using world = await World.make();
  const path = `${world.paths.manifests}/${NAME.host}`;
  await Deno.mkdir(world.paths.manifests);
  await Deno.writeTextFile(path, "");
  const entered = world.folder().enter(noSignal(), () => {}, INTENT);
  await assert.rejects(entered, {
    kind: "local",
    message: `cannot store the manifest: ${path} is not a directory`,
  });
});

testWith(
  ["symbolic links"],
  "a models folder that is a link to nothing is no empty folder",
  async () => {
    await using world = await World.make();
    await Deno.remove(world.models);
    linkTo("/mnt/not/there", world.models);
    const refused = {
      kind: "local",
      message: `${world.models} is a link to /mnt/not/there, which does not exist`,
    };
    await assert.rejects(world.folder().list(), refused);
    await assert.rejects(world.enter(), refused);
    await assert.rejects(world.folder().names(), refused);
  },
);

Deno.test("the look at the place of a manifest leaves nothing", async () => {
  await using world = await World.make();
  assert.equal(await pull(world), 3);
  await using _session = await world.folder().enter(noSignal(), () => {}, INTENT);
  assert.deepEqual(
    namesIn(`${world.paths.manifests}/${NAME.host}/${NAME.namespace}/${NAME.model}`),
    [
      NAME.tag,
    ],
  );
});

Deno.test("a folder of manifests that a starting server removes just now is nothing in the way", async () => {
  await using world = await World.make();
  const folder = `${world.paths.manifests}/${NAME.host}/${NAME.namespace}`;
  await Deno.mkdir(folder, { recursive: true });
  const { stat, lstat } = Deno;
  using restored = new DisposableStack();
  restored.defer(() => void Object.assign(Deno, { stat, lstat }));
  // After the first look at it.
  const removing = (look: typeof stat): typeof stat => async (path) => {
    const info = await look(path);
    if (path === folder) await Deno.remove(folder).catch(() => {});
    return info;
  };
  Object.assign(Deno, { stat: removing(stat), lstat: removing(lstat) });
  await using session = await world.folder().enter(noSignal(), () => {}, INTENT);
  assert.equal(exists(folder), false);
  assert.ok(session);
});
