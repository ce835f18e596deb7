import assert from "node:assert/strict";
import { total, union } from "../../../src/core/ranges.ts";
import { mounted } from "../../io/mount.ts";
import { assertComplete, pull } from "./small_model.ts";
import { RecordingDisk, systemError } from "../../fakes/recording_disk.ts";
import {
  blobOf,
  exists,
  fetchBlob,
  type Fetched,
  leaveUnfinished,
  manifestOf,
  NAME,
  namesIn,
  noSignal,
  sha256,
  Witness,
  World,
} from "../world.ts";
import { needing, testWith } from "../../needs.ts";

const WINDOWS = Deno.build.os === "windows";

const BLOB = blobOf(200_000);
const { blob, bytes } = BLOB;

Deno.test("case 98: a file of the right size and wrong content is found, set aside and fetched", async () => {
  await using world = await World.make();
  const at = world.at(blob);
  for (const path of [at.final, at.ready]) {
    const wrong = bytes.with(3, bytes[3]! ^ 1);
    await using session = await world.enter();
    await Deno.writeFile(path, wrong);
    assert.equal(await session.verifyOrQuarantine(blob, noSignal(), new Witness()), false);
    assert.equal(exists(path), false);
    const aside = namesIn(world.paths.bad).map((name) => `${world.paths.bad}/${name}`);
    assert.deepEqual(await Deno.readFile(aside[0]!), wrong);
    await Deno.remove(aside[0]!);
    assert.equal(total(await fetchBlob(session, BLOB)), blob.size);
    assert.deepEqual(await Deno.readFile(at.ready), bytes);
    await Deno.remove(at.ready);
  }
});

Deno.test("case 98: a file of the wrong size is set aside without being read", async () => {
  await using world = await World.make();
  await using session = await world.enter();
  await Deno.writeFile(world.at(blob).final, bytes.subarray(1));
  assert.equal(await session.verifyOrQuarantine(blob, noSignal(), new Witness()), false);
  assert.equal(namesIn(world.paths.bad).length, 1);
});

Deno.test("has() hashes an unknown file once, and tells how far it is", async () => {
  await using world = await World.make();
  {
    await using session = await world.enter();
    await Deno.writeFile(world.at(blob).final, bytes);
    const watcher = new Witness();
    assert.equal((await world.folder().survey([blob]))[0]!.state, "unproven");
    assert.ok(await session.verifyOrQuarantine(blob, noSignal(), watcher));
    assert.equal(watcher.verified, blob.size);
  }
  assert.equal((await world.folder().survey([blob]))[0]!.state, "present");
  await using session = await world.enter();
  const watcher = new Witness();
  watcher.verifying = () => assert.fail("it was hashed before");
  assert.ok(await session.verifyOrQuarantine(blob, noSignal(), watcher));
});

Deno.test({
  ...needing(
    ["removal of files in use"],
    "a blob that takes the place of a wrong one while that is hashed is not set aside for it",
  ),
  async fn() {
    await using world = await World.make();
    await using session = await world.enter();
    const { final } = world.at(blob);
    await Deno.writeFile(final, new Uint8Array(blob.size));
    const watcher = new Witness();
    let replaced = false;
    watcher.verifying = (done) => {
      if (replaced || done === 0) return;
      replaced = true;
      Deno.writeFileSync(`${final}.new`, bytes);
      Deno.renameSync(`${final}.new`, final);
    };
    assert.ok(await session.verifyOrQuarantine(blob, noSignal(), watcher));
    assert.ok(replaced);
    assert.deepEqual(Deno.readFileSync(final), bytes);
    assert.deepEqual(namesIn(world.paths.bad), []);
  },
});

Deno.test("what was unfinished of a blob that another program completed is removed", async () => {
  await using world = await World.make();
  const made = blobOf(3_000_000);
  {
    await using session = await world.enter();
    await leaveUnfinished(session, made, { start: 0, end: 2_000_000 });
  }
  await Deno.writeFile(world.at(made.blob).final, made.bytes);
  await using session = await world.enter();
  assert.equal(await session.ingest(made.blob, noSignal(), new Witness()), undefined);
  const { partial, checkpoint, positions } = world.at(made.blob);
  assert.deepEqual([partial, checkpoint, positions].filter(exists), []);
});

mounted(
  "a complete model in a read-only folder counts as pulled",
  "size=8m",
  async (folder, remount) => {
    const world = new World(folder);
    assert.equal(await pull(world), 3);
    await remount("ro");
    assert.equal(await pull(world), 0);
    assertComplete(world);
    await remount("rw");
  },
);

Deno.test("has() ends with the reason of its signal", async () => {
  await using world = await World.make();
  await using session = await world.enter();
  await Deno.writeFile(world.at(blob).final, bytes);
  const reason = new Error("enough");
  await assert.rejects(
    session.verifyOrQuarantine(blob, AbortSignal.abort(reason), new Witness()),
    reason,
  );
  assert.ok(exists(world.at(blob).final), "it is not taken for wrong");
});

Deno.test("a blob that was sealed is remembered although the process ends there", async () => {
  await using world = await World.make();
  await using one = await world.enter();
  await fetchBlob(one, BLOB);
  await using other = await world.enter();
  const watcher = new Witness();
  watcher.verifying = () => assert.fail("it was hashed before");
  assert.ok(await other.verifyOrQuarantine(blob, noSignal(), watcher));
});

Deno.test("put() stores the right bytes and refuses others", async () => {
  await using world = await World.make();
  await using session = await world.enter();
  const wrong = bytes.subarray(1);
  assert.equal(await session.put(blob, wrong), sha256(wrong));
  assert.equal(exists(world.at(blob).ready), false);
  assert.equal(await session.put(blob, bytes), blob.digest);
  assert.deepEqual(await Deno.readFile(world.at(blob).ready), bytes);
  assert.deepEqual(namesIn(world.paths.temporary), []);
});

testWith(
  ["removal of files in use"],
  "case 96: when the lock file of a blob is removed, there is still no second writer",
  async () => {
    await using world = await World.make();
    await using one = await world.enter();
    await using other = await world.enter();
    const ingest = (await one.ingest(blob, noSignal(), new Witness()))!;
    const writer = await ingest.writer(0);
    await writer.write(bytes.subarray(0, 1000));
    await Deno.remove(world.at(blob).lock);
    await assert.rejects(other.ingest(blob, noSignal(), new Witness()), {
      kind: "busy",
      message: /another pullama/,
    });
    writer.close();
    await ingest[Symbol.asyncDispose]();
    const fetched = await fetchBlob(other, BLOB);
    assert.deepEqual(union(fetched), [{ start: 1000, end: blob.size }]);
  },
);

for (
  const [what, does, name, when] of [
    ["the partial cannot be made", "open", `${fileOf()}.partial`, 0],
    ["the live file cannot be made", "rename", `${fileOf()}.live`, 0],
    ["the partial is full", "write", `${fileOf()}.partial`, 3],
    ["the checkpoint cannot be written", "rename", `${fileOf()}.json`, 0],
    ["the partial cannot be synced", "sync", `${fileOf()}.partial`, 0],
    ["the blob cannot be moved", "rename", fileOf(), 0],
  ] as const
) {
  Deno.test(`case 92: when ${what}, the pull stops, keeps what is safe and lets go of the blob`, async () => {
    await using world = await World.make();
    const first: Fetched = [];
    let met = 0;
    const disk = new RecordingDisk({
      fail: (step) =>
        step.does === does && step.path.endsWith(`/${name}`) && met++ >= when
          ? systemError("ENOSPC")
          : undefined,
    });
    {
      await using session = await world.enter(disk);
      await assert.rejects(
        fetchBlob(session, BLOB, { piece: 20_000, save: 2 }, first),
        (error) => kindsOf(error).every((kind) => kind === "disk_full"),
      );
      assert.deepEqual(namesIn(world.paths.temporary), []);
    }
    // A sync that fails may have lost everything, whatever a second one says.
    const written = does === "sync" ? [] : first.slice(0, does === "write" ? -1 : undefined);
    await using session = await world.enter();
    const second = await fetchBlob(session, BLOB);
    assert.deepEqual(await Deno.readFile(world.at(blob).ready), bytes);
    assert.ok(total(union(second)) <= blob.size - total(union(written)) + 20_000);
  });
}

Deno.test("case 92: a full disk does not end a pull at the ledger", async () => {
  await using world = await World.make();
  const disk = new RecordingDisk({
    fail: (step) => step.path.includes("ledger") ? systemError("ENOSPC") : undefined,
  });
  await using session = await world.enter(disk);
  await fetchBlob(session, BLOB);
  assert.deepEqual(await session.commit(NAME, manifestOf([BLOB])), []);
  assert.equal(exists(world.paths.ledger), false);
});

Deno.test("dispose() while old bytes are still compared does not take them for wrong", async () => {
  await using world = await World.make();
  const big = blobOf(100 * 1024 * 1024);
  {
    await using session = await world.enter();
    await using ingest = (await session.ingest(big.blob, noSignal(), new Witness()))!;
    const writer = await ingest.writer(1);
    await writer.write(big.bytes.subarray(1));
    writer.close();
  }
  const watcher = new Witness();
  {
    await using session = await world.enter();
    await using ingest = (await session.ingest(big.blob, noSignal(), watcher))!;
    assert.equal(ingest.kept(), big.blob.size - 1);
  }
  await using session = await world.enter();
  assert.deepEqual(await fetchBlob(session, big, { watcher }), [{ start: 0, end: 1 }]);
  assert.deepEqual(watcher.lostRanges, []);
});

Deno.test("enter() does not need more than it finds", async () => {
  await using world = await World.make();
  await (await world.enter())[Symbol.asyncDispose]();
  const disk = new RecordingDisk();
  await (await world.enter(disk))[Symbol.asyncDispose]();
  assert.deepEqual(disk.steps, []);
});

Deno.test("enter() makes the models folder with its parents, and syncs their names", async () => {
  await using world = await World.make();
  await Deno.remove(world.models);
  const disk = new RecordingDisk({});
  const { openFolder } = await import("../../../src/store/store.ts");
  const deep = openFolder(`${world.root}/a/b/models/`, { tool: "t", disk });
  await (await deep.enter(noSignal(), () => {}))[Symbol.asyncDispose]();
  for (const folder of ["a", "b", "models", ".pullm", "ready"]) {
    // It gets its owner and mode before its name.
    const named = disk.steps.findIndex((s) => s.does === "rename" && s.path.endsWith(`/${folder}`));
    assert.ok(named >= 0, folder);
    const path = disk.steps[named]!.path;
    const parent = path.slice(0, -folder.length - 1);
    assert.ok(disk.steps.slice(named).some((s) => s.does === "sync folder" && s.path === parent));
    if (!WINDOWS) assert.equal((await Deno.stat(path)).mode! & 0o777, 0o755);
  }
});

Deno.test("case 93: what cannot be written is named in the error", async () => {
  await using world = await World.make();
  const disk = new RecordingDisk({
    fail: (step) => step.path.endsWith("/blobs") ? systemError("EACCES") : undefined,
  });
  await using session = await world.enter(disk);
  const downloading = session.ingest(blob, noSignal(), new Witness());
  await assert.rejects(downloading, (error: Error & { kind: string; hint: string }) => {
    assert.equal(error.kind, "local");
    assert.ok(error.message.includes(world.paths.blobs), error.message);
    assert.match(error.hint, WINDOWS ? /may have it open/ : /owned by user \d+/);
    return true;
  });
});

Deno.test("a model that is complete in a folder that cannot be written needs nothing", async () => {
  await using world = await World.make();
  const manifest = manifestOf([BLOB]);
  {
    await using session = await world.enter();
    await fetchBlob(session, BLOB);
    assert.deepEqual(await session.commit(NAME, manifest), []);
  }
  const disk = new RecordingDisk({ fail: () => systemError("EACCES") });
  await Deno.remove(world.paths.own, { recursive: true });
  await using session = await world.enter(disk);
  assert.ok(await session.verifyOrQuarantine(blob, noSignal(), new Witness()));
  assert.deepEqual(await session.commit(NAME, manifest), []);
  await assert.rejects(session.commit(NAME, manifestOf([])), { kind: "local" });
  assert.deepEqual(disk.steps.filter(({ does }) => does === "rename"), []);
});

function fileOf(): string {
  return blob.digest.replace(":", "-");
}

/** The kinds of all failures that one is made of. */
function kindsOf(error: unknown): unknown[] {
  if (error instanceof SuppressedError) {
    return [...kindsOf(error.error), ...kindsOf(error.suppressed)];
  }
  return [(error as { kind?: unknown }).kind];
}
