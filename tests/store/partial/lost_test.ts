import assert from "node:assert/strict";
import { total, union } from "../../../src/core/ranges.ts";
import { type Checkpoint, encodeCheckpoint } from "../../../src/store/partial/checkpoint.ts";
import { bootTime, readPositions } from "../../../src/store/partial/positions.ts";
import { RecordingDisk } from "../../fakes/recording_disk.ts";
import {
  blobOf,
  digested,
  fetchBlob,
  type Fetched,
  fillIn,
  noSignal,
  sha256,
  Witness,
  World,
} from "../world.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

Deno.test("a chunk that was found wrong is not among the live positions after a kill", async () => {
  await using world = await World.make();
  const { blob, bytes } = blobOf(400 * KIB);
  const chunks = digested(bytes, 100 * KIB);
  const wrong = bytes.with(150 * KIB, bytes[150 * KIB]! ^ 1);
  await using session = await world.enter();
  await using ingest = (await session.ingest(blob, noSignal(), new Witness()))!;
  ingest.plan(chunks);
  // One writer brings the chunk and parts of its neighbours.
  const writer = await ingest.writer(50 * KIB);
  await writer.write(wrong.subarray(50 * KIB, 250 * KIB));
  writer.close();
  assert.equal(await ingest.seal(), "incomplete");
  assert.equal(ingest.kept(), 100 * KIB);
  const kept = [
    { start: 50 * KIB, end: 100 * KIB },
    { start: 200 * KIB, end: 250 * KIB },
  ];
  const noted = async () =>
    union(await readPositions(world.at(blob).positions, bootTime(), blob.size));
  assert.deepEqual(await noted(), kept);
});

Deno.test("a whole segment that was found wrong leaves no live position", async () => {
  await using world = await World.make();
  const { blob, bytes } = blobOf(200 * KIB);
  await using session = await world.enter();
  await using ingest = (await session.ingest(blob, noSignal(), new Witness()))!;
  await fillIn(ingest, bytes.map((byte) => byte ^ 1), { chunks: digested(bytes, 100 * KIB) });
  assert.equal(await ingest.seal(), "incomplete");
  assert.equal(ingest.kept(), 0);
  assert.deepEqual(
    await readPositions(world.at(blob).positions, bootTime(), blob.size),
    [],
  );
});

Deno.test("live positions are given up only when the checkpoint that has them is on disk", async () => {
  await using world = await World.make();
  const { blob, bytes } = blobOf(100 * KIB);
  const disk = new RecordingDisk();
  await using session = await world.enter(disk);
  await using ingest = (await session.ingest(blob, noSignal(), new Witness()))!;
  const writer = await ingest.writer(0);
  await writer.write(bytes.subarray(0, 50 * KIB));
  writer.close();
  const before = disk.steps.length;
  await ingest.checkpoint();
  const left = await readPositions(world.at(blob).positions, bootTime(), blob.size);
  assert.deepEqual(left, []);
  const steps = disk.steps.slice(before).map(({ does, path }) => `${does} ${path.slice(-5)}`);
  const synced = steps.indexOf("sync folder pullm");
  assert.ok(steps.indexOf("sync rtial") < steps.indexOf("rename .json"), steps.join());
  assert.ok(steps.indexOf("rename .json") < synced);
  assert.equal(steps.length, synced + 2, "one line of the live file after it");
});

Deno.test("a wrong range of the checkpoint does not get into the hash of the whole", async () => {
  await using world = await World.make();
  const { blob, bytes } = blobOf(150 * MIB);
  const at = world.at(blob);
  const watcher = new Witness();
  const end = 120 * MIB;
  const checkpoint: Checkpoint = {
    proven: [{ start: 0, end, digest: sha256(bytes.subarray(0, end)), from: "registry" }],
    prefix: [],
    holes: [],
    searched: 0,
  };
  await using session = await world.enter();
  await Deno.writeFile(at.checkpoint, encodeCheckpoint(blob, checkpoint, "pullama/test"));
  await Deno.writeFile(at.partial, bytes.with(5, bytes[5]! ^ 1));
  const fetched = await fetchBlob(session, { blob, bytes }, { watcher, piece: 10 * MIB });
  assert.deepEqual(watcher.lostRanges, [{ start: 0, end }]);
  assert.equal(total(fetched), blob.size, "each byte is fetched once, the whole was right at once");
});

Deno.test("bytes of a live position that are wrong cost only themselves", async () => {
  await using world = await World.make();
  const blob = blobOf(400 * KIB);
  const at = world.at(blob.blob);
  const first: Fetched = [];
  const disk = new RecordingDisk({
    fail: ({ does, path }) =>
      does === "rename" && path === at.checkpoint && first.length > 40
        ? new Error("kill")
        : undefined,
  });
  await assert.rejects(async () => {
    await using session = await world.enter(disk);
    await fetchBlob(session, blob, { piece: 4 * KIB, save: 40, chunk: 400 * KIB }, first);
  });
  assert.ok(first.length < 100);
  const written = total(union(first));
  using file = await Deno.open(at.partial, { write: true });
  await file.seek(written - 10, Deno.SeekMode.Start);
  await file.write(new Uint8Array(5));
  await using session = await world.enter();
  const second = await fetchBlob(session, blob, { piece: 4 * KIB });
  assert.deepEqual(await Deno.readFile(at.ready), blob.bytes);
  const safe = 160 * KIB;
  assert.ok(union(second)[0]!.start >= safe, "what the first checkpoint had is not fetched again");
});
