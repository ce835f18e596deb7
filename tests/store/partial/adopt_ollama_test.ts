import assert from "node:assert/strict";
import { total, union } from "../../../src/core/ranges.ts";
import { partsOf } from "../../../src/store/partial/adopt/ollama.ts";
import { linkTo } from "../../fakes/link.ts";
import { exists } from "../../fakes/exists.ts";
import { RecordingDisk, systemError } from "../../fakes/recording_disk.ts";
import { blobFile } from "../../../src/store/layout/paths.ts";
import { blobOf, fetchBlob, manifestOf, NAME, namesIn, Witness, World } from "../world.ts";

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
