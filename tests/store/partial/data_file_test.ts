import assert from "node:assert/strict";
import { type Disk, type DiskFile, realDisk } from "../../../src/io/disk.ts";
import { fileError } from "../../../src/io/file_error.ts";
import { Hasher } from "../../../src/io/hash.ts";
import type { Ingest } from "../../../src/core/content.ts";
import { BlobIngest } from "../../../src/store/partial/ingest.ts";
import type { ResumeState } from "../../../src/store/partial/resume.ts";
import {
  blobOf,
  digested,
  exists,
  noSignal,
  sha256,
  type TestBlob,
  Witness,
  World,
} from "../world.ts";

const MIB = 1024 * 1024;
const SIZE = 4 * MIB;

function failure(): Error {
  return Object.assign(new Error("Input/output error (os error 5)"), { code: "EIO" });
}

/** The real disk; `before` is called before each sync of a partial file. */
function syncing(before: () => void | Promise<void>): Disk {
  const syncingFile = (file: DiskFile): DiskFile => ({
    path: file.path,
    writeAt: (bytes, offset) => file.writeAt(bytes, offset),
    writeNowAt: (bytes, offset) => file.writeNowAt(bytes, offset),
    truncate: (size) => file.truncate(size),
    close: () => file.close(),
    [Symbol.dispose]: () => file.close(),
    async sync() {
      await before();
      await file.sync();
    },
  });
  const open: Disk["open"] = async (path, how) => {
    const file = await realDisk.open(path, how);
    return path.endsWith(".partial") ? syncingFile(file) : file;
  };
  return { ...realDisk, open };
}

/** The `failing`th sync of a partial file fails, and those after it succeed, as on Linux. */
function losing(failing: number): { readonly disk: Disk; readonly syncs: () => number } {
  let syncs = 0;
  const disk = syncing(() => {
    if (++syncs === failing) throw fileError(failure(), "sync", "the file");
  });
  return { disk, syncs: () => syncs };
}

async function write(ingest: Ingest, bytes: Uint8Array, at = 0): Promise<void> {
  const writer = await ingest.writer(at);
  await writer.write(bytes);
  writer.close();
}

/** An unfinished blob whose bytes `hasher` hashes. */
function open(
  world: World,
  { blob }: TestBlob,
  hasher: Pick<Hasher, "follow">,
  resume: ResumeState,
): Promise<BlobIngest> {
  const at = world.at(blob);
  const tools = {
    disk: realDisk,
    hasher: hasher as Hasher,
    at,
    temporary: () => `${at.partial}.draft`,
    ownership: {},
    boot: 0,
    tool: "test",
    proved: () => Promise.resolve(),
    finished: () => Promise.resolve(),
    watcher: new Witness(),
  };
  return BlobIngest.open(blob, tools, { path: at.lock, [Symbol.dispose]() {} }, resume);
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

Deno.test("a part that is found wrong during the last checkpoint does not cost the rest of its range", async () => {
  await using world = await World.make();
  const { blob, bytes } = blobOf(SIZE);
  const chunks = digested(bytes, MIB);
  const wrong = bytes.with(1.5 * MIB, bytes[1.5 * MIB]! ^ 1);
  const lost = Promise.withResolvers<void>();
  const watcher = Object.assign(new Witness(), { lost: () => lost.resolve() });
  {
    const last: Ingest[] = [];
    const disk = syncing(async () => {
      const [ingest] = last;
      if (!ingest) return;
      ingest.plan(chunks);
      await lost.promise;
    });
    await using session = await world.enter(disk);
    const begun = (await session.ingest(blob, noSignal(), watcher))!;
    await write(begun, wrong.subarray(0.5 * MIB, 2.5 * MIB), 0.5 * MIB);
    await begun.checkpoint();
    await write(begun, bytes.subarray(3 * MIB, 3.5 * MIB), 3 * MIB);
    last.push(begun);
    await begun[Symbol.asyncDispose]();
  }
  await using session = await world.enter();
  await using ingest = (await session.ingest(blob, noSignal(), new Witness()))!;
  assert.equal(ingest.kept(), 1.5 * MIB);
});

/** As `hasher`, for a file some of whose bytes the disk cannot read. */
function failingAt(hasher: Hasher, unreadable: ReadonlySet<number>): Pick<Hasher, "follow"> {
  return {
    follow(path, start) {
      const run = hasher.follow(path, start);
      const extend = run.extend.bind(run);
      run.extend = (end, ...more) => {
        const fails = [...unreadable].some((at) => run.position <= at && at < end);
        return fails ? Promise.reject(fileError(failure(), "read", path)) : extend(end, ...more);
      };
      return run;
    },
  };
}

/** What an earlier run has left of a blob that is all there, with a prefix digest for each MiB. */
function complete(bytes: Uint8Array): ResumeState {
  const prefixDigests = [1, 2, 3, 4].map((n) => ({
    end: n * MIB,
    digest: sha256(bytes.subarray(0, n * MIB)),
  }));
  const claims = [{ start: 0, end: SIZE, from: "registry" as const }];
  return { claims, prefixDigests, length: SIZE, searched: 0 };
}

for (const heals of [true, false]) {
  const then = heals ? "is downloaded again" : "ends the pull where it cannot be read then either";
  Deno.test(`what the disk cannot read of a partial file ${then}`, async () => {
    await using world = await World.make();
    const one = blobOf(SIZE);
    const { blob, bytes } = one;
    await using _session = await world.enter();
    const at = world.at(blob);
    Deno.writeFileSync(at.partial, bytes);
    using hasher = new Hasher();
    const unreadable = new Set([1.5 * MIB, 3.5 * MIB]);
    await using ingest = await open(world, one, failingAt(hasher, unreadable), complete(bytes));
    const rounds = async () => {
      for (let round = 0; round < 40; round++) {
        if (await ingest.seal() === "sealed") return;
        await ingest.checkpoint();
        for (const { start, end } of ingest.plan([{ start: 0, end: SIZE }])) {
          for (const place of heals ? unreadable : []) {
            if (start <= place && place < end) unreadable.delete(place);
          }
          await write(ingest, bytes.subarray(start, end), start);
        }
      }
      assert.fail("it is downloaded again and again");
    };
    if (!heals) return await assert.rejects(rounds(), /input\/output error/);
    await rounds();
    assert.deepEqual(Deno.readFileSync(at.ready), bytes);
  });
}

Deno.test("a difference that is found in a complete blob does not have all of it hashed for the checkpoint", async () => {
  await using world = await World.make();
  const { blob, bytes } = blobOf(SIZE);
  await using _session = await world.enter();
  Deno.writeFileSync(world.at(blob).partial, bytes);
  using hasher = new Hasher();
  let urgently = 0;
  const counting: Pick<Hasher, "follow"> = {
    follow(path, start) {
      const run = hasher.follow(path, start);
      const extend = run.extend.bind(run);
      run.extend = (end, expect, urgent) => {
        if (urgent) urgently += end - run.position;
        return extend(end, expect, urgent);
      };
      return run;
    },
  };
  await using ingest = await open(world, { blob, bytes }, counting, complete(bytes));
  assert.equal(await ingest.forget({ start: 3 * MIB + 5, end: 3 * MIB + 9 }), 4);
  assert.ok(urgently < 1.1 * MIB, `${urgently} bytes`);
});
