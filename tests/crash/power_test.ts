import assert from "node:assert/strict";
import { intersect, type Range, total, union } from "../../src/core/ranges.ts";
import { readCheckpoint } from "../../src/store/partial/checkpoint.ts";
import { claimsOf } from "../../src/store/partial/resume.ts";
import { SEED, THOROUGH } from "../seed.ts";
import { RecordingDisk, WorldStopped } from "../fakes/recording_disk.ts";
import { blobOf, fetchBlob, type Fetched, type TestBlob, Witness, World } from "../store/world.ts";

const BLOB = blobOf(96 * 1024);
const FETCH = { chunk: 32 * 1024, piece: 8 * 1024, save: 3 };
/** Every step in the long tests, else some, from another one each time. */
const EVERY = THOROUGH ? 1 : 4;
const FIRST = 1 + SEED % EVERY;

/** Pulls the blob until the disk stops; whether it was finished before. */
async function runUntilStop(
  world: World,
  disk: RecordingDisk,
  blob: TestBlob,
  fetched: Fetched,
  wrote?: () => Promise<void>,
): Promise<boolean> {
  try {
    await using session = await world.enter(disk);
    await fetchBlob(session, blob, { ...FETCH, ...(wrote && { wrote }) }, fetched);
  } catch (error) {
    if (!disk.stopped) throw error;
    assert.ok(rootsOf(error).some((root) => root instanceof WorldStopped), String(error));
  }
  return !disk.stopped;
}

/** What the checkpoint on disk makes the next run believe. */
async function promised(world: World, { blob }: TestBlob): Promise<Range[]> {
  try {
    const at = world.at(blob);
    if (await Deno.stat(at.ready).then(() => true, () => false)) {
      return [{ start: 0, end: blob.size }];
    }
    const { size } = await Deno.stat(at.partial);
    return union(claimsOf(await readCheckpoint(at.checkpoint, blob), [], size).claims);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

for (const names of [false, true]) {
  const lost = names ? "data and names" : "data";
  Deno.test(`case 84: after a power cut at any step that loses unsynced ${lost} nothing proven is fetched again`, async () => {
    for (let stopAfter = FIRST;; stopAfter += EVERY) {
      await using world = await World.make();
      const { grave } = world;
      const disk = new RecordingDisk({ stopAfter, grave });
      const finished = await runUntilStop(world, disk, BLOB, []);
      disk.cutPower(names);
      const safe = await promised(world, BLOB);
      const watcher = new Witness();
      await using session = await world.enter();
      const fetched = await fetchBlob(session, BLOB, { ...FETCH, watcher });
      const step = disk.steps.at(-1);
      const again = intersect(union(fetched), safe);
      assert.deepEqual(again, [], `step ${stopAfter}, ${step?.does} ${step?.path}`);
      assert.deepEqual(watcher.lostRanges, [], `step ${stopAfter}`);
      assert.deepEqual(await Deno.readFile(world.at(BLOB.blob).ready), BLOB.bytes);
      if (!finished) continue;
      assert.deepEqual(fetched, [], "what was sealed is kept");
      assert.ok(stopAfter > 40, "the steps were seen");
      return;
    }
  });
}

Deno.test("case 83: after a stop at any step the bytes in the page cache are not fetched again", async () => {
  for (let stopAfter = FIRST;; stopAfter += EVERY) {
    await using world = await World.make();
    const first: Fetched = [];
    const disk = new RecordingDisk({ stopAfter });
    const finished = await runUntilStop(world, disk, BLOB, first, () => positionNoted(disk));
    await using session = await world.enter();
    const second = await fetchBlob(session, BLOB, FETCH);
    const again = intersect(union(second), union(first));
    // The piece that could not be written, and one whose position could not be noted.
    assert.ok(total(again) <= 2 * FETCH.piece, `step ${stopAfter}: ${JSON.stringify(again)}`);
    assert.deepEqual(await Deno.readFile(world.at(BLOB.blob).ready), BLOB.bytes);
    if (finished) return;
  }
});

Deno.test("case 84: a torn range of the checkpoint is found, stepped back and the only one fetched again", async () => {
  const blob = blobOf(4 * 1024 * 1024);
  for (const torn of [0, 1_500_000, 2_999_999]) {
    await using world = await World.make();
    const disk = new RecordingDisk({ grave: world.grave });
    {
      await using session = await world.enter(disk);
      await using ingest =
        (await session.ingest(blob.blob, new AbortController().signal, new Witness()))!;
      const writer = await ingest.writer(0);
      for (const end of [1_000_000, 2_000_000, 3_000_000]) {
        await writer.write(blob.bytes.subarray(writer.position, end));
        await ingest.checkpoint();
      }
      writer.close();
    }
    tear(world.at(blob.blob).partial, torn);
    const watcher = new Witness();
    await using session = await world.enter();
    const fetched = await fetchBlob(session, blob, { watcher });
    assert.deepEqual(await Deno.readFile(world.at(blob.blob).ready), blob.bytes);
    assert.equal(watcher.lostRanges.length, 1, `byte ${torn}`);
    const [lost] = watcher.lostRanges;
    assert.ok(lost!.start <= torn && torn < lost!.end);
    assert.equal(total(union(fetched)), total(fetched), "no byte is fetched twice");
    assert.deepEqual(union(fetched), union([lost!, { start: 3_000_000, end: blob.blob.size }]));
  }
});

/** Waits until the position of the last write of data is in the live file, or never will be. */
async function positionNoted(disk: RecordingDisk): Promise<void> {
  const last = (ending: string) =>
    disk.steps.findLastIndex(({ does, path }) => does === "write" && path.endsWith(ending));
  while (!disk.stopped && liveWrite(disk) < last(".partial")) {
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/** The last write in place to the live file, which still has the name it was made under. */
function liveWrite(disk: RecordingDisk): number {
  const made = disk.steps.findLast(({ does, path }) => does === "rename" && path.endsWith(".live"));
  return disk.steps.findLastIndex(({ does, path }) => does === "write" && path === made?.from);
}

function tear(path: string, at: number): void {
  using file = Deno.openSync(path, { write: true, read: true });
  const byte = new Uint8Array(1);
  file.seekSync(at, Deno.SeekMode.Start);
  file.readSync(byte);
  file.seekSync(at, Deno.SeekMode.Start);
  file.writeSync(byte.map((old) => old ^ 0xff));
}

function rootsOf(error: unknown): unknown[] {
  if (error instanceof SuppressedError) {
    return [...rootsOf(error.error), ...rootsOf(error.suppressed)];
  }
  const { cause } = error as Error;
  return cause === undefined ? [error] : rootsOf(cause);
}
