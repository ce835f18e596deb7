import assert from "node:assert/strict";
import { total, union } from "../../../src/core/ranges.ts";
import { partsOf } from "../../../src/store/partial/adopt/ollama.ts";
import { linkTo } from "../../fakes/link.ts";
import { exists } from "../../fakes/exists.ts";
import { RecordingDisk, systemError } from "../../fakes/recording_disk.ts";
import { blobFile } from "../../../src/store/layout/paths.ts";
import {
  blobOf,
  fetchBlob,
  leaveUnfinished,
  manifestOf,
  NAME,
  namesIn,
  noSignal,
  Witness,
  World,
} from "../world.ts";

const BLOB = blobOf(3 * 1024 * 1024);
const SIZE = BLOB.bytes.length;
const THERE = 2_000_001;
const BLOCK = 4096;
const HOUR = 3600;

/** What the record of the only part says; "none": there is no record. */
type Record = "true" | "none" | "empty" | "of another part" | number;

interface Left {
  /** Bytes that are there; default THERE. */
  readonly there?: number;
  readonly record?: Record;
  /** Seconds since the last write. */
  readonly age?: number;
  /** Bytes of the data file, default all of the blob's length. */
  readonly length?: number;
  readonly tmp?: boolean;
}

/** Writes files by the rules of `ollama pull`; returns the path of the data. */
function leave(
  world: World,
  { there = THERE, record = "true", age = HOUR, length = SIZE, tmp }: Left,
): string {
  const { final } = world.at(BLOB.blob);
  Deno.mkdirSync(world.paths.blobs, { recursive: true });
  const path = tmp ? `${final}.tmp` : `${final}-partial`;
  const data = new Uint8Array(length);
  data.set(BLOB.bytes.subarray(0, there));
  Deno.writeFileSync(path, data);
  if (record !== "none" && !tmp) {
    const Completed = typeof record === "number" ? record : there;
    const Offset = record === "of another part" ? 1000 : 0;
    const text = `${JSON.stringify({ N: 0, Offset, Size: SIZE, Completed })}\n`;
    Deno.writeTextFileSync(`${path}-0`, record === "empty" ? "" : text);
  }
  const then = Date.now() / 1000 - age;
  Deno.utimeSync(path, then, then);
  return path;
}

/** Downloads what is missing, and completes the model; returns how many bytes that were. */
async function fetched(world: World, watcher = new Witness()): Promise<number> {
  await using session = await world.enter();
  const ranges = await fetchBlob(session, BLOB, { watcher });
  assert.deepEqual(await session.commit(NAME, manifestOf([BLOB])), []);
  assert.deepEqual(Deno.readFileSync(world.at(BLOB.blob).final), BLOB.bytes);
  return total(union(ranges));
}

const USED: readonly (readonly [string, Left, number])[] = [
  ["true records", {}, SIZE - THERE],
  ["a complete part", { there: SIZE }, 0],
  ["Completed 0, as after a kill", { record: 0 }, SIZE - THERE + BLOCK],
  ["an empty record", { record: "empty" }, SIZE - THERE + BLOCK],
  ["a missing record", { record: "none" }, SIZE - THERE + BLOCK],
  ["a record of another part", { record: "of another part" }, SIZE - THERE + BLOCK],
  ["a record that lies", { record: THERE + 500_000 }, SIZE - THERE + BLOCK],
  [
    "a data file that ends where the data does",
    { length: THERE, record: "none" },
    SIZE - THERE + BLOCK,
  ],
  ["a file of a model with tensors", { length: THERE, tmp: true }, SIZE - THERE + BLOCK],
];

for (const [what, left, most] of USED) {
  Deno.test(`case 100: what ollama pull has left is used, and goes, with ${what}`, async () => {
    await using world = await World.make();
    leave(world, left);
    const survey = await world.folder().survey([BLOB.blob]);
    assert.ok(survey[0]!.kept > 1_000_000, "it needs no room of its own");
    const bytes = await fetched(world);
    assert.ok(bytes <= most && bytes >= SIZE - (left.there ?? THERE), `${bytes} bytes`);
    assert.deepEqual(namesIn(world.paths.blobs), [blobFile(BLOB.blob.digest)]);
  });
}

for (const links of ["with", "without"]) {
  Deno.test(`a file that is put in the place of what ollama pull has left keeps its name and content, ${links} hard links`, async () => {
    await using world = await World.make();
    const path = leave(world, {});
    const mine = new TextEncoder().encode("a file of another program");
    const disk = new RecordingDisk({
      fail: ({ does }) => links === "without" && does === "link" ? systemError("EPERM") : undefined,
      before({ does, from }) {
        if (does !== "rename" || from !== path) return;
        Deno.renameSync(path, `${path}-away`);
        Deno.writeFileSync(path, mine);
      },
    });
    await using session = await world.enter(disk);
    const ranges = await fetchBlob(session, BLOB);
    assert.deepEqual(Deno.readFileSync(path), mine);
    assert.deepEqual(Deno.readFileSync(world.at(BLOB.blob).ready), BLOB.bytes);
    assert.equal(total(union(ranges)), SIZE);
  });
}

Deno.test("what ollama pull wrote a moment ago is copied, and goes when the model is complete", async () => {
  await using world = await World.make();
  const path = leave(world, { age: 1 });
  assert.equal((await world.folder().survey([BLOB.blob]))[0]!.kept, 0);
  {
    await using session = await world.enter();
    await using _ingest = await session.ingest(
      BLOB.blob,
      new AbortController().signal,
      new Witness(),
    );
    assert.ok(exists(path) && exists(`${path}-0`));
  }
  assert.ok(await fetched(world) <= SIZE - THERE + BLOCK);
  assert.deepEqual(namesIn(world.paths.blobs), [blobFile(BLOB.blob.digest)]);
});

Deno.test("case 99: nothing is taken from a server that is pulling, and its files stay as they are", async () => {
  await using world = await World.make();
  const path = leave(world, { age: 1 });
  const writing = setInterval(() => Deno.utimeSync(path, new Date(), new Date()), 50);
  try {
    assert.equal(await fetched(world), SIZE);
  } finally {
    clearInterval(writing);
  }
  assert.equal(Deno.statSync(path).size, SIZE);
  assert.ok(exists(`${path}-0`));
});

/** A pull beside a server that is pulling, which is stopped before a byte has arrived. */
async function pullWithoutByte(world: World, path: string): Promise<void> {
  const writing = setInterval(() => Deno.utimeSync(path, new Date(), new Date()), 50);
  try {
    await using session = await world.enter();
    await using ingest = await session.ingest(BLOB.blob, noSignal(), new Witness());
    assert.equal(ingest!.kept(), 0);
  } finally {
    clearInterval(writing);
  }
}

for (const tmp of [false, true]) {
  Deno.test(`case 99: what ollama pull has left is used after a pull beside it that got no byte${tmp ? ", of a model with tensors" : ""}`, async () => {
    await using world = await World.make();
    const path = leave(world, { age: 1, tmp, ...(tmp && { length: THERE }) });
    await pullWithoutByte(world, path);
    assert.equal(Deno.statSync(world.at(BLOB.blob).partial).size, 0);
    // The server was stopped an hour ago.
    Deno.utimeSync(path, new Date(Date.now() - HOUR * 1000), new Date(Date.now() - HOUR * 1000));
    const survey = await world.folder().survey([BLOB.blob]);
    assert.ok(survey[0]!.kept > 1_000_000, "it needs no room of its own");
    assert.ok(await fetched(world) <= SIZE - THERE + BLOCK);
    assert.deepEqual(namesIn(world.paths.blobs), [blobFile(BLOB.blob.digest)]);
  });
}

Deno.test("what ollama pull has left is not joined with what a checkpoint and positions tell of bytes that are gone", async () => {
  await using world = await World.make();
  leave(world, {});
  const at = world.at(BLOB.blob);
  {
    await using session = await world.enter();
    await leaveUnfinished(session, BLOB, { start: 0, end: 1_000_000 });
    await using ingest = (await session.ingest(BLOB.blob, noSignal(), new Witness()))!;
    const writer = await ingest.writer(THERE);
    await writer.write(BLOB.bytes.subarray(THERE, THERE + 500_000));
    // As the positions are after a kill.
    Deno.copyFileSync(at.positions, `${at.positions}-kept`);
    writer.close();
  }
  Deno.renameSync(`${at.positions}-kept`, at.positions);
  Deno.truncateSync(at.partial, 0);
  leave(world, {});
  assert.ok(await fetched(world) <= SIZE - THERE + BLOCK);
});

Deno.test("a checkpoint of a newer version beside an empty partial file is not replaced", async () => {
  await using world = await World.make();
  const path = leave(world, {});
  const { partial, checkpoint } = world.at(BLOB.blob);
  await using session = await world.enter();
  Deno.writeFileSync(partial, new Uint8Array());
  Deno.writeTextFileSync(checkpoint, '{"version":3}');
  await assert.rejects(fetchBlob(session, BLOB), { kind: "local", message: /newer/ });
  assert.equal(Deno.readTextFileSync(checkpoint), '{"version":3}');
  assert.ok(exists(path));
});

Deno.test({
  name: "an empty partial file that another process has locked is not replaced",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using world = await World.make();
    const path = leave(world, {});
    const { partial } = world.at(BLOB.blob);
    await using session = await world.enter();
    Deno.writeFileSync(partial, new Uint8Array());
    using other = await Deno.open(partial, { write: true });
    await other.lock(true);
    const ingest = session.ingest(BLOB.blob, noSignal(), new Witness());
    await assert.rejects(ingest, { kind: "busy" });
    assert.ok(exists(path));
  },
});

Deno.test("wrong bytes that ollama pull has left are downloaded again", async () => {
  await using world = await World.make();
  const path = leave(world, {});
  const { atime, mtime } = Deno.statSync(path);
  {
    using file = Deno.openSync(path, { write: true });
    file.writeSync(new Uint8Array(9));
  }
  Deno.utimeSync(path, atime!, mtime!);
  // What was not downloaded before, and then what had come from elsewhere.
  assert.equal(await fetched(world), SIZE);
});

Deno.test("a file with a second name, or that is none, is left where it is", async () => {
  for (
    const spoil of [
      (path: string) => Deno.linkSync(path, `${path}.other`),
      (path: string) => {
        Deno.removeSync(path);
        linkTo("/etc/hostname", path);
      },
      (path: string) => {
        Deno.removeSync(path);
        Deno.mkdirSync(path);
      },
    ]
  ) {
    await using world = await World.make();
    const path = leave(world, {});
    spoil(path);
    assert.equal(await fetched(world), SIZE);
  }
});

Deno.test("partsOf() divides as Ollama does", () => {
  const lengths = (size: number) => {
    const parts = partsOf(size);
    assert.equal(parts.at(-1)!.end, size);
    return [parts.length, parts[0]!.end];
  };
  assert.deepEqual(lengths(50_000_000), [1, 50_000_000]);
  assert.deepEqual(lengths(1_600_000_000), [16, 100_000_000]);
  assert.deepEqual(lengths(4_700_000_000), [16, 293_750_000]);
  assert.deepEqual(lengths(4_700_000_007), [17, 293_750_000]);
  assert.deepEqual(lengths(20_000_000_000), [20, 1_000_000_000]);
  assert.deepEqual(lengths(118_000_000_000), [118, 1_000_000_000]);
});
