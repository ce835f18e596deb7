import assert from "node:assert/strict";
import { type Disk, type DiskFile, realDisk } from "../../../src/io/disk.ts";
import { fileError } from "../../../src/io/file_error.ts";
import { type Hasher, Hasher as RealHasher } from "../../../src/io/hash.ts";
import type { Ingest } from "../../../src/core/content.ts";
import { BlobIngest } from "../../../src/store/partial/ingest.ts";
import { blobOf, exists, noSignal, Witness, World } from "../world.ts";

const MIB = 1024 * 1024;
const SIZE = 4 * MIB;

function failure(): Error {
  return Object.assign(new Error("Input/output error (os error 5)"), { code: "EIO" });
}

/** The real disk; the `failing`th sync of a partial file fails, and those after it succeed, as on Linux. */
function losing(failing: number): { readonly disk: Disk; readonly syncs: () => number } {
  let syncs = 0;
  const losingFile = (file: DiskFile): DiskFile => ({
    path: file.path,
    writeAt: (bytes, offset) => file.writeAt(bytes, offset),
    writeNowAt: (bytes, offset) => file.writeNowAt(bytes, offset),
    truncate: (size) => file.truncate(size),
    close: () => file.close(),
    [Symbol.dispose]: () => file.close(),
    async sync() {
      if (++syncs === failing) throw fileError(failure(), "sync", file.path);
      await file.sync();
    },
  });
  const open: Disk["open"] = async (path, how) => {
    const file = await realDisk.open(path, how);
    return path.endsWith(".partial") ? losingFile(file) : file;
  };
  return { disk: { ...realDisk, open }, syncs: () => syncs };
}

async function write(ingest: Ingest, bytes: Uint8Array, at = 0): Promise<void> {
  const writer = await ingest.writer(at);
  await writer.write(bytes);
  writer.close();
}

Deno.test("what a failed sync has lost is not believed by the next run, though a second sync would succeed", async () => {
  await using world = await World.make();
  const { blob, bytes } = blobOf(SIZE);
  {
    await using session = await world.enter(losing(2).disk);
    await using ingest = (await session.ingest(blob, noSignal(), new Witness()))!;
    await write(ingest, bytes.subarray(0, MIB));
    await ingest.checkpoint();
    await write(ingest, bytes.subarray(MIB, 3 * MIB), MIB);
    await assert.rejects(ingest.checkpoint(), /input\/output error/);
    await assert.rejects(ingest.checkpoint(), /input\/output error/);
  }
  await using session = await world.enter();
  await using ingest = (await session.ingest(blob, noSignal(), new Witness()))!;
  assert.equal(ingest.kept(), MIB);
});

Deno.test("a blob is not finished after a sync has failed", async () => {
  await using world = await World.make();
  const { blob, bytes } = blobOf(SIZE);
  const { disk, syncs } = losing(1);
  await using session = await world.enter(disk);
  await using ingest = (await session.ingest(blob, noSignal(), new Witness()))!;
  await write(ingest, bytes);
  const saved = assert.rejects(ingest.checkpoint(), /input\/output error/);
  await assert.rejects(ingest.seal(), /input\/output error/);
  await saved;
  assert.equal(syncs(), 1);
  assert.ok(!exists(world.at(blob).ready));
});

Deno.test("what the disk cannot read of a partial file is downloaded again", async () => {
  await using world = await World.make();
  const { blob, bytes } = blobOf(SIZE);
  await using _session = await world.enter();
  const at = world.at(blob);
  Deno.writeFileSync(at.partial, bytes);
  using hasher = new RealHasher();
  let unreadable = 1;
  const failing: Pick<Hasher, "follow"> = {
    follow(path, start) {
      const run = hasher.follow(path, start);
      const extend = run.extend.bind(run);
      run.extend = (...args) => {
        if (unreadable-- <= 0) return extend(...args);
        return Promise.reject(fileError(failure(), "read", path));
      };
      return run;
    },
  };
  const witness = new Witness();
  const tools = {
    disk: realDisk,
    hasher: failing as Hasher,
    at,
    temporary: () => `${at.partial}.draft`,
    ownership: {},
    boot: 0,
    tool: "test",
    proved: () => Promise.resolve(),
    finished: () => Promise.resolve(),
    watcher: witness,
  };
  const claims = [{ start: 0, end: SIZE, from: "live" as const }];
  const resume = { claims, prefixDigests: [], length: SIZE, searched: 0 };
  const lock = { path: at.lock, [Symbol.dispose]() {} };
  await using ingest = await BlobIngest.open(blob, tools, lock, resume);
  assert.equal(await ingest.seal(), "incomplete");
  const missing = ingest.plan([{ start: 0, end: SIZE }]);
  assert.deepEqual(missing, [{ start: 0, end: SIZE }]);
  await write(ingest, bytes);
  assert.equal(await ingest.seal(), "sealed");
  assert.deepEqual(Deno.readFileSync(at.ready), bytes);
});
