import assert from "node:assert/strict";
import { exists } from "../../../src/io/stat.ts";
import type { Ingest } from "../../../src/core/content.ts";
import { RecordingDisk } from "../../fakes/recording_disk.ts";
import { type Range, tile, total, union } from "../../../src/core/ranges.ts";
import { isDigest } from "../../../src/core/digest.ts";
import {
  blobOf,
  digested,
  fetchBlob,
  fillIn,
  namesIn,
  noSignal,
  Witness,
  World,
} from "../world.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

Deno.test("ingest() ends with the exact bytes whatever the order of writers", async () => {
  await using world = await World.make();
  const { blob, bytes } = blobOf(900_001);
  await using session = await world.enter();
  await using ingest = (await session.ingest(blob, noSignal(), new Witness()))!;
  const ranges = ingest.plan(tile(blob.size, 100_000));
  assert.equal(total(ranges), blob.size);
  const writers = await Promise.all([...ranges].reverse().map(({ start }) => ingest.writer(start)));
  const ends = new Map(ranges.map(({ start, end }) => [start, end]));
  await Promise.all(writers.map(async (writer) => {
    const end = ends.get(writer.position)!;
    for (let n = 0; writer.position < end; n++) {
      const from = writer.position;
      await writer.write(bytes.subarray(from, Math.min(end, from + 7_777)));
      if (n % 3 === 0) await ingest.checkpoint();
    }
    writer.close();
  }));
  assert.equal(ingest.kept(), blob.size);
  assert.deepEqual(ingest.plan(tile(blob.size, 100_000)), []);
  assert.equal(await ingest.seal(), "sealed");
  assert.deepEqual(await Deno.readFile(world.at(blob).ready), bytes);
  assert.deepEqual(namesIn(world.paths.own), [`${fileOf(blob.digest)}.lock`, ...STANDING].sort());
});

Deno.test("ingest() goes on exactly where a disposed one ended", async () => {
  await using world = await World.make();
  const { blob, bytes } = blobOf(500_000);
  const first: Range[] = [];
  {
    await using session = await world.enter();
    await using ingest = (await session.ingest(blob, noSignal(), new Witness()))!;
    ingest.plan(tile(blob.size, 100_000));
    for (const [start, length] of [[0, 30_001], [200_000, 100_000], [400_000, 1]] as const) {
      const writer = await ingest.writer(start);
      await writer.write(bytes.subarray(start, start + length));
      writer.close();
      first.push({ start, end: start + length });
    }
  }
  const [standing] = await world.folder().survey([blob]);
  assert.deepEqual({ ...standing, blob: 0 }, { blob: 0, state: "missing", kept: total(first) });
  await using session = await world.enter();
  const second = await fetchBlob(session, { blob, bytes }, { chunk: 100_000 });
  assert.equal(total(first) + total(second), blob.size);
  assert.deepEqual(union([...first, ...second]), [{ start: 0, end: blob.size }]);
  assert.deepEqual(await Deno.readFile(world.at(blob).ready), bytes);
});

Deno.test("seal() of the empty blob needs no byte", async () => {
  await using world = await World.make();
  await using session = await world.enter();
  const empty = blobOf(0);
  assert.deepEqual(await fetchBlob(session, empty), []);
  assert.equal((await Deno.stat(world.at(empty.blob).ready)).size, 0);
});

Deno.test("seal() says incomplete while a byte is missing, and is right when it comes", async () => {
  await using world = await World.make();
  const { blob, bytes } = blobOf(100_000);
  await using session = await world.enter();
  await using ingest = (await session.ingest(blob, noSignal(), new Witness()))!;
  const writer = await ingest.writer(0);
  await writer.write(bytes.subarray(0, 99_999));
  assert.equal(await ingest.seal(), "incomplete");
  await writer.write(bytes.subarray(99_999));
  writer.close();
  assert.equal(await ingest.seal(), "sealed");
});

Deno.test("seal() reports wrong bytes, and what is forgotten is fetched again", async () => {
  await using world = await World.make();
  const { blob, bytes } = blobOf(100_000);
  const wrong = bytes.with(5_000, bytes[5_000]! ^ 1);
  await using session = await world.enter();
  await using ingest = (await session.ingest(blob, noSignal(), new Witness()))!;
  await fillIn(ingest, wrong);
  assert.equal(await ingest.seal(), "mismatch");
  assert.ok(isDigest(ingest.actual) && ingest.actual !== blob.digest);
  assert.equal(await ingest.dropDoubtful(), 0, "nobody doubted these bytes");
  assert.equal(await ingest.matchingPrefix(bytes.subarray(4_000, 6_000), 4_000), 1_000);
  assert.equal(await ingest.forget({ start: 5_000, end: 20_000 }), 15_000);
  assert.equal(ingest.kept(), blob.size - 15_000);
  const fetched = await fillIn(ingest, bytes);
  assert.deepEqual(fetched[0]?.start, 5_000);
  assert.equal(await ingest.seal(), "sealed");
  assert.deepEqual(await Deno.readFile(world.at(blob).ready), bytes);
});

Deno.test("case 60: a chunk that is not what its digest says is the only one fetched again", async () => {
  await using world = await World.make();
  const { blob, bytes } = blobOf(400 * KIB);
  const watcher = new Witness();
  let lies = 1;
  await using session = await world.enter();
  const fetched = await fetchBlob(session, { blob, bytes }, {
    chunks: digested(bytes, 100 * KIB),
    piece: 100 * KIB,
    watcher,
    serve: ({ start, end }) => {
      const part = bytes.slice(start, end);
      if (start === 100 * KIB && lies-- > 0) part[17]! ^= 1;
      return part;
    },
  });
  assert.deepEqual(watcher.lostRanges, [{ start: 100 * KIB, end: 200 * KIB }]);
  assert.deepEqual(fetched.slice(4), [{ start: 100 * KIB, end: 200 * KIB }]);
  assert.deepEqual(await Deno.readFile(world.at(blob).ready), bytes);
});

Deno.test("plan() with digests finds a wrong chunk that the hash of the whole has passed", async () => {
  await using world = await World.make();
  const { blob, bytes } = blobOf(400 * KIB);
  const watcher = new Witness();
  await using session = await world.enter();
  await using ingest = (await session.ingest(blob, noSignal(), watcher))!;
  ingest.plan(tile(blob.size, blob.size));
  const writer = await ingest.writer(0);
  const start = bytes.slice(0, 150 * KIB);
  start[120 * KIB]! ^= 1;
  await writer.write(start);
  // A checkpoint takes the hash of the whole up to here, over the wrong byte.
  await ingest.checkpoint();
  writer.close();
  const chunks = digested(bytes, 100 * KIB);
  await fillIn(ingest, bytes, { chunks });
  assert.equal(await ingest.seal(), "incomplete");
  assert.deepEqual(watcher.lostRanges, [{ start: 100 * KIB, end: 200 * KIB }]);
  await fillIn(ingest, bytes, { chunks });
  assert.equal(await ingest.seal(), "sealed");
});

Deno.test("a chunk list of lies that is given up leaves the decision to the whole", async () => {
  await using world = await World.make();
  const { blob, bytes } = blobOf(200 * KIB);
  await using session = await world.enter();
  await using ingest = (await session.ingest(blob, noSignal(), new Witness()))!;
  const lies = digested(bytes.map((byte) => byte ^ 1), 100 * KIB);
  await fillIn(ingest, bytes, { chunks: lies });
  assert.equal(await ingest.seal(), "incomplete");
  await fillIn(ingest, bytes);
  assert.equal(await ingest.seal(), "sealed");
});

Deno.test("a second session gets a blob when the first has finished it", async () => {
  await using world = await World.make();
  const { blob, bytes } = blobOf(50_000);
  await using one = await world.enter();
  await using other = await world.enter();
  const ingest = (await one.ingest(blob, noSignal(), new Witness()))!;
  const watcher = new Witness();
  const waits = Promise.withResolvers<void>();
  watcher.waiting = () => waits.resolve();
  const later = other.ingest(blob, noSignal(), watcher);
  await waits.promise;
  await fillIn(ingest, bytes);
  assert.equal(await ingest.seal(), "sealed");
  assert.equal(await later, undefined);
});

const STANDING = ["ledger.json", "ready", "store.lock", "tmp"];

Deno.test("a blob that is disposed of while it is being sealed keeps its lock until it has its name, or gets none", async () => {
  for (let ticks = 0; ticks < 20; ticks++) {
    await using world = await World.make();
    const { blob, bytes } = blobOf(300_000);
    await using session = await world.enter();
    const ingest = (await session.ingest(blob, noSignal(), new Witness()))!;
    const writer = await ingest.writer(0);
    await writer.write(bytes);
    writer.close();
    const sealed = ingest.seal();
    const saved = ingest.checkpoint();
    for (let k = 0; k < ticks; k++) await Promise.resolve();
    await ingest[Symbol.asyncDispose]();
    const named = await exists(world.at(blob).ready);
    await saved;
    assert.equal(await sealed, named ? "sealed" : "incomplete", `${ticks}`);
    assert.equal(await exists(world.at(blob).ready), named, "it got its name without its lock");
  }
});

Deno.test("all bytes of a blob are kept while it gets its name", async () => {
  await using world = await World.make();
  const { blob, bytes } = blobOf(100_000);
  let saved: Promise<number> | undefined;
  const disk = new RecordingDisk({
    before: ({ does }) => {
      if (does === "rename" && open?.actual === blob.digest) saved ??= open.checkpoint();
    },
  });
  let open: Ingest | undefined;
  await using session = await world.enter(disk);
  const ingest = open = (await session.ingest(blob, noSignal(), new Witness()))!;
  const writer = await ingest.writer(0);
  await writer.write(bytes);
  writer.close();
  assert.equal(await ingest.seal(), "sealed");
  assert.equal(await saved, blob.size);
});

Deno.test("bytes that are written over hashed ones are hashed again", async () => {
  await using world = await World.make();
  const { blob, bytes } = blobOf(8 * MIB);
  await using session = await world.enter();
  await using ingest = (await session.ingest(blob, noSignal(), new Witness()))!;
  ingest.plan(tile(blob.size, blob.size));
  const first = await ingest.writer(0);
  await first.write(bytes.subarray(0, 5 * MIB));
  const second = await ingest.writer(4 * MIB);
  // A checkpoint waits for the hash.
  await ingest.checkpoint();
  const wrong = bytes.slice(4 * MIB);
  wrong[10]! ^= 1;
  await second.write(wrong);
  for (const writer of [first, second]) writer.close();
  assert.equal(await ingest.seal(), "mismatch");
  await ingest.forget({ start: 4 * MIB, end: blob.size });
  const third = await ingest.writer(4 * MIB);
  await third.write(bytes.subarray(4 * MIB));
  third.close();
  assert.equal(await ingest.seal(), "sealed");
  assert.deepEqual(await Deno.readFile(world.at(blob).ready), bytes);
});

function fileOf(digest: string): string {
  return digest.replace(":", "-");
}
