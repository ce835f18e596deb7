import assert from "node:assert/strict";
import { total, union } from "../../../src/core/ranges.ts";
import { readCheckpoint } from "../../../src/store/partial/checkpoint.ts";
import { RecordingDisk, systemError } from "../../fakes/recording_disk.ts";
import { blobOf, exists, fetchBlob, noSignal, sha256, Witness, World } from "../world.ts";

const KIB = 1024;
const BLOB = blobOf(1024 * KIB);
const { blob, bytes } = BLOB;
const CHUNK = 256 * KIB;

/** Leaves what the Go program does: a file of full length, filled up to `filled`, and its checkpoint. */
async function leaveOld(
  world: World,
  filled: number,
  digests: boolean,
  verified = 2,
): Promise<void> {
  const chunks = Array.from({ length: 4 }, (_, i) => {
    const [start, end] = [i * CHUNK, (i + 1) * CHUNK];
    return {
      start,
      end: end - 1,
      ...(digests ? { expected_digest: sha256(bytes.subarray(start, end)) } : {}),
      verified: i < verified,
    };
  });
  const checkpoint = { version: 1, digest: blob.digest, size: blob.size, chunks };
  const at = world.at(blob);
  await Deno.mkdir(world.paths.blobs);
  await Deno.mkdir(world.paths.own);
  await Deno.writeTextFile(at.checkpoint, JSON.stringify(checkpoint));
  await Deno.writeFile(at.oldPartial, bytes.subarray(0, filled));
  await Deno.truncate(at.oldPartial, blob.size);
}

for (const digests of [true, false]) {
  Deno.test(`case 87: the Go program's partial ${digests ? "with" : "without"} chunk digests is moved and resumed`, async () => {
    await using world = await World.make();
    const filled = 700 * KIB;
    await leaveOld(world, filled, digests);
    await using session = await world.enter();
    const fetched = await fetchBlob(session, BLOB);
    assert.deepEqual(await Deno.readFile(world.at(blob).ready), bytes);
    assert.equal(exists(world.at(blob).oldPartial), false);
    const start = union(fetched)[0]!.start;
    assert.ok(start <= filled && start > filled - 9 * KIB, `from ${start}`);
    assert.equal(total(fetched), blob.size - start);
  });
}

Deno.test("case 87: a lie in the Go program's file costs the doubtful bytes only", async () => {
  await using world = await World.make();
  await leaveOld(world, 700 * KIB, true);
  using file = await Deno.open(world.at(blob).oldPartial, { write: true });
  await file.seek(600 * KIB, Deno.SeekMode.Start);
  await file.write(new Uint8Array([1, 2, 3]));
  await using session = await world.enter();
  const fetched = await fetchBlob(session, BLOB);
  assert.deepEqual(await Deno.readFile(world.at(blob).ready), bytes);
  assert.deepEqual(union(fetched), [{ start: 2 * CHUNK, end: blob.size }]);
});

Deno.test("case 87: a verified chunk that is wrong after all is fetched again, and only that", async () => {
  await using world = await World.make();
  await leaveOld(world, 1024 * KIB, true, 4);
  using file = await Deno.open(world.at(blob).oldPartial, { write: true });
  await file.seek(3 * CHUNK, Deno.SeekMode.Start);
  await file.write(new Uint8Array(16));
  const watcher = new Witness();
  await using session = await world.enter();
  const fetched = await fetchBlob(session, BLOB, { watcher });
  assert.deepEqual(watcher.lostRanges, [{ start: 3 * CHUNK, end: 4 * CHUNK }]);
  assert.deepEqual(union(fetched), watcher.lostRanges);
});

Deno.test("case 87: while the Go program holds its lock nothing of it is touched", async () => {
  await using world = await World.make();
  await leaveOld(world, 700 * KIB, true);
  const at = world.at(blob);
  await Deno.writeTextFile(at.oldLock, "");
  using lock = await Deno.open(at.oldLock, { write: true });
  await lock.lock(true);
  await using session = await world.enter();
  const fetched = await fetchBlob(session, BLOB);
  assert.deepEqual(union(fetched), [{ start: 0, end: blob.size }]);
  assert.deepEqual(
    (await Deno.readFile(at.oldPartial)).subarray(0, 700 * KIB),
    bytes.subarray(0, 700 * KIB),
  );
  assert.equal(await Deno.readTextFile(at.oldLock), "");
});

Deno.test("case 87: a free lock of the Go program is no hindrance and stays as it is", async () => {
  await using world = await World.make();
  await leaveOld(world, 700 * KIB, true);
  const at = world.at(blob);
  await Deno.writeTextFile(at.oldLock, "");
  await using session = await world.enter();
  assert.ok(total(await fetchBlob(session, BLOB)) < 400 * KIB);
  assert.equal(await Deno.readTextFile(at.oldLock), "");
});

Deno.test("an own partial is not replaced by one of the Go program", async () => {
  await using world = await World.make();
  await leaveOld(world, 700 * KIB, true);
  const at = world.at(blob);
  await Deno.remove(at.checkpoint);
  await Deno.writeFile(at.partial, bytes.subarray(0, 10));
  await using session = await world.enter();
  assert.deepEqual(union(await fetchBlob(session, BLOB)), [{ start: 0, end: blob.size }]);
  assert.ok(exists(at.oldPartial));
});

Deno.test("a partial on another file system is left alone", async () => {
  await using world = await World.make();
  await leaveOld(world, 700 * KIB, true);
  const at = world.at(blob);
  const disk = new RecordingDisk({
    fail: ({ does, from }) =>
      does === "rename" && from === at.oldPartial ? systemError("EXDEV") : undefined,
  });
  await using session = await world.enter(disk);
  assert.deepEqual(union(await fetchBlob(session, BLOB)), [{ start: 0, end: blob.size }]);
  assert.ok(exists(at.oldPartial));
});

/** Stops a pull at each step, and has another one continue. */
async function stopAtEachStep(leave: (world: World) => Promise<void>): Promise<void> {
  for (let stopAfter = 12;; stopAfter++) {
    await using world = await World.make();
    await leave(world);
    const disk = new RecordingDisk({ stopAfter });
    try {
      await using session = await world.enter(disk);
      const ingest = await session.ingest(blob, noSignal(), new Witness());
      await ingest![Symbol.asyncDispose]();
    } catch (error) {
      if (!disk.stopped) throw error;
    }
    await using session = await world.enter();
    const fetched = await fetchBlob(session, BLOB);
    assert.ok(total(fetched) < 335 * KIB, `step ${stopAfter}: ${JSON.stringify(fetched)}`);
    assert.deepEqual(await Deno.readFile(world.at(blob).ready), bytes);
    if (!disk.stopped) return;
  }
}

Deno.test("case 87: a stop at any step of the adoption loses none of its bytes", async () => {
  await stopAtEachStep((world) => leaveOld(world, 700 * KIB, true));
});

for (const [what, checkpoint] of [["without", undefined], ["with an invalid", "{"]] as const) {
  Deno.test(`case 87: a stop at any step of the adoption ${what} checkpoint loses none of its bytes`, async () => {
    await stopAtEachStep(async (world) => {
      await leaveOld(world, 700 * KIB, true);
      const path = world.at(blob).checkpoint;
      if (checkpoint === undefined) await Deno.remove(path);
      else await Deno.writeTextFile(path, checkpoint);
    });
  });
}

Deno.test("what was adopted is written down at once, and still doubted", async () => {
  await using world = await World.make();
  await leaveOld(world, 700 * KIB, false, 0);
  await using session = await world.enter();
  await using _ingest = (await session.ingest(blob, noSignal(), new Witness()))!;
  const checkpoint = await readCheckpoint(world.at(blob).checkpoint, blob);
  assert.equal(checkpoint.old, undefined);
  assert.ok(checkpoint.proven.every(({ from }) => from === "adopted"));
  assert.equal(checkpoint.prefix.at(-1)?.end, total(union(checkpoint.proven)));
  assert.ok(total(union(checkpoint.proven)) > 690 * KIB);
});
