import assert from "node:assert/strict";
import type { CleanReport } from "../../../src/core/reports/clean.ts";
import { displayName, parseName } from "../../../src/core/name.ts";
import type { Disk } from "../../../src/io/disk.ts";
import type { CleanOptions } from "../../../src/store/clean/clean.ts";
import type { Session } from "../../../src/core/content.ts";
import { otherHolder } from "../../io/other_process.ts";
import { filesUnder } from "../../real/store.ts";
import { linkTo } from "../../fakes/link.ts";
import { snapshotOf, writeModelsFolder } from "../../fakes/models_folder.ts";
import { RecordingDisk } from "../../fakes/recording_disk.ts";
import {
  blobOf,
  exists,
  fetchBlob,
  fillIn,
  manifestOf,
  namesIn,
  noSignal,
  type TestBlob,
  Witness,
  World,
} from "../world.ts";
import { testWith } from "../../needs.ts";

const [A, B, C, SHARED] = [blobOf(5000, 1), blobOf(6000, 2), blobOf(7000, 3), blobOf(9000, 4)];

function clean(
  world: World,
  models: readonly string[] = [],
  options: Partial<CleanOptions> = {},
  disk?: Disk,
): Promise<CleanReport> {
  const all = { dryRun: false, queue: false, signal: noSignal(), ...options };
  return world.folder(disk).clean({ ...all, models: models.map(parseName) });
}

/** Takes part in the folder to pull `name`, as a pull does. */
function enter(world: World, name: string, blobs: readonly TestBlob[]): Promise<Session> {
  const digests = new Set(blobs.map(({ blob }) => blob.digest));
  return world.folder().enter(noSignal(), () => {}, { name: parseName(name), digests });
}

/** A pull that ends after the first half of its first blob and all of its others. */
async function leave(world: World, name: string, blobs: readonly TestBlob[]): Promise<void> {
  await using session = await enter(world, name, blobs);
  for (const whole of blobs.slice(1)) await fetchBlob(session, whole);
  await half(session, blobs[0]!);
}

async function half(session: Session, { blob, bytes }: TestBlob): Promise<void> {
  const ingest = await session.ingest(blob, noSignal(), new Witness());
  if (!ingest) return;
  await using _ = ingest;
  const writer = await ingest.writer(0);
  await writer.write(bytes.subarray(0, blob.size / 2));
  writer.close();
}

/** The items as lines: kind, models, files. */
function lines(items: CleanReport["removed"]): string[] {
  return items.map(({ kind, models, files }) =>
    [kind, ...models.map(displayName), files].join(" ")
  );
}

const filesOf = ({ removed }: CleanReport) => removed.reduce((sum, { files }) => sum + files, 0);
const bytesOf = ({ removed }: CleanReport) => removed.reduce((sum, { bytes }) => sum + bytes, 0);

/** What cleaning may not touch. */
function keeping(world: World): Map<string, string> {
  const all = snapshotOf(world.models);
  for (const path of all.keys()) {
    const ours = path.startsWith(".pullm/") && path !== ".pullm/queue.json";
    const go = /^blobs\/sha256-[0-9a-f]{64}\.(partial|lock)$|\.pullm-rm\.lock$/.test(path);
    if (ours || go) all.delete(path);
  }
  return all;
}

Deno.test("case 105: cleanFolder() takes what is unfinished and leaves blobs, manifests and the queue", async () => {
  await using world = await World.make();
  const fixture = writeModelsFolder(world.models);
  await leave(world, "m", [A, B]);
  await Deno.mkdir(world.paths.bad);
  await Deno.writeTextFile(`${world.paths.bad}/sha256-${"0".repeat(64)}-1`, "damaged");
  await Deno.writeTextFile(`${world.paths.bad}/of unknown name`, "damaged");
  await Deno.writeTextFile(`${world.paths.temporary}/draft`, "draft");
  await Deno.mkdir(`${world.paths.temporary}/folder`);
  const before = keeping(world);
  const report = await clean(world);
  assert.deepEqual(keeping(world), before);
  for (const path of fixture.ofGo) assert.equal(exists(`${world.models}/${path}`), false, path);
  for (const path of fixture.ofOllama) assert.ok(exists(`${world.models}/${path}`), path);
  const stay = [".pullm", "queue.json", "ready", "store.lock", "tmp", "bad", "wanted"];
  assert.deepEqual(
    snapshotOf(`${world.models}/.pullm`).keys().filter((path) =>
      !stay.includes(path.replace("/", "")) && path !== "ledger.json"
    ).toArray(),
    [],
  );
  assert.deepEqual(report.left, []);
  assert.deepEqual(filesOf(await clean(world)), 0, "the second run finds nothing");
});

Deno.test("case 105: cleanFolder() takes the queue only when told to", async () => {
  await using world = await World.make();
  const { queue } = writeModelsFolder(world.models);
  await clean(world);
  assert.ok(exists(`${world.models}/${queue}`));
  const dry = await clean(world, [], { queue: true, dryRun: true });
  assert.deepEqual(lines(dry.removed), ["queue 1"]);
  assert.ok(exists(`${world.models}/${queue}`));
  assert.deepEqual(lines((await clean(world, [], { queue: true })).removed), ["queue 1"]);
  assert.equal(exists(`${world.models}/${queue}`), false);
  assert.equal(filesOf(await clean(world, [], { queue: true })), 0);
});

testWith(
  ["readable locks"],
  "cleanFolder() leaves the queue that somebody is pulling from",
  async () => {
    await using world = await World.make();
    const { queue } = writeModelsFolder(world.models);
    await using runner = await otherHolder(world.paths.runnerLock);
    for (const dryRun of [true, false]) {
      const { left } = await clean(world, [], { queue: true, dryRun });
      assert.deepEqual(lines(left), ["queue 1"]);
      assert.match(left[0]!.holder!, new RegExp(`^pid ${runner.pid} on `));
    }
    assert.ok(exists(`${world.models}/${queue}`));
  },
);

testWith(
  ["readable locks"],
  "cleanFolder() leaves the notes of a push that is running, and removes those of others",
  async () => {
    await using world = await World.make();
    const { uploads } = world.paths;
    Deno.mkdirSync(uploads, { recursive: true });
    for (const name of ["a.json", "a.lock", "b.json", "b.lock", "c.json"]) {
      Deno.writeTextFileSync(`${uploads}/${name}`, "");
    }
    await using push = await otherHolder(`${uploads}/a.lock`);
    for (const dryRun of [true, false]) {
      const { removed, left } = await clean(world, [], { dryRun });
      assert.deepEqual(lines(left), ["records 2"]);
      assert.match(left[0]!.holder!, new RegExp(`^pid ${push.pid} on `));
      assert.equal(removed.reduce((sum, { files }) => sum + files, 0), 3);
      assert.equal(namesIn(uploads).length, dryRun ? 5 : 2);
    }
    assert.deepEqual(namesIn(uploads).sort(), ["a.json", "a.lock"]);
  },
);

Deno.test("cleanFolder() counts what is on disk, not the gaps, nor what keeps another name", async () => {
  await using world = await World.make();
  const [big, whole] = [blobOf(1 << 20, 9), blobOf(200_000, 8)];
  {
    await using session = await enter(world, "m", [big, whole]);
    await using ingest = (await session.ingest(big.blob, noSignal(), new Witness()))!;
    const writer = await ingest.writer(big.blob.size - 4096);
    await writer.write(big.bytes.subarray(-4096));
    writer.close();
    await fetchBlob(session, whole);
  }
  await Deno.link(world.at(whole.blob).ready, world.at(whole.blob).final);
  const report = await clean(world, [], { dryRun: true });
  assert.ok(bytesOf(report) >= 4096 && bytesOf(report) < 100_000, `${bytesOf(report)}`);
  assert.deepEqual(bytesOf(await clean(world)), bytesOf(report));
  assert.ok(exists(world.at(whole.blob).final));
});

Deno.test("cleanFolder() with a dry run changes nothing and tells the same", async () => {
  await using world = await World.make();
  writeModelsFolder(world.models);
  await leave(world, "m", [A, B]);
  await leave(world, "n", [C]);
  const before = snapshotOf(world.models);
  const dry = await clean(world, [], { dryRun: true });
  assert.deepEqual(snapshotOf(world.models), before);
  assert.deepEqual({ ...await clean(world), dryRun: true }, dry);
});

Deno.test("cleanFolder() makes nothing in a folder where there is nothing to clean", async () => {
  await using world = await World.make();
  assert.deepEqual((await clean(world, ["m"], { queue: true })).removed, []);
  assert.deepEqual(namesIn(world.models), []);
  await Deno.remove(world.models);
  assert.deepEqual((await clean(world)).removed, []);
  assert.equal(exists(world.models), false);
});

Deno.test("cleanFolder() of named models leaves what the others have left", async () => {
  await using world = await World.make();
  await leave(world, "m", [A, SHARED]);
  await leave(world, "user/n:7b", [B, SHARED]);
  const { removed, left } = await clean(world, ["USER/N:7B"]);
  assert.deepEqual(lines(removed), ["unfinished user/n:7b 4", "records 2"]);
  assert.deepEqual(lines(left), ["unfinished m:latest 1"]);
  assert.equal(left[0]!.why, "wanted");
  assert.ok(exists(world.at(SHARED.blob).ready) && exists(world.at(A.blob).partial));
  assert.equal(exists(world.at(B.blob).partial), false);
  assert.deepEqual(filesOf(await clean(world, ["user/n:7b"])), 0);
  const rest = await clean(world, ["m"]);
  assert.deepEqual([lines(rest.left), exists(world.at(SHARED.blob).ready)], [[], false]);
  assert.deepEqual(namesIn(world.paths.intents), []);
});

Deno.test("cleanFolder() of what is old leaves all blobs of a model of which one was written to since", async () => {
  await using world = await World.make();
  await leave(world, "old", [A, C]);
  await leave(world, "young", [B, SHARED]);
  const day = 86_400_000;
  const before = Date.now() - 30 * day;
  const [then, now] = [new Date(before - day), new Date()];
  for (const path of filesUnder(world.models)) {
    Deno.utimeSync(`${world.models}/${path}`, then, then);
  }
  Deno.utimeSync(world.at(B.blob).partial, now, now);
  const { removed, left } = await clean(world, [], { before });
  assert.deepEqual([...new Set(removed.flatMap(({ models }) => models.map(displayName)))], [
    "old:latest",
  ]);
  assert.deepEqual([...new Set(left.map(({ why }) => why))], ["young"]);
  assert.deepEqual(
    [...new Set(left.map(({ digest }) => digest))].sort(),
    [
      B.blob.digest,
      SHARED.blob.digest,
    ].sort(),
  );
  assert.ok(exists(world.at(SHARED.blob).ready) && exists(world.at(B.blob).partial));
  assert.equal(exists(world.at(A.blob).partial), false);
  assert.equal(namesIn(world.paths.intents).length, 2);
  assert.deepEqual((await clean(world)).left, []);
});

Deno.test("cleanFolder() tells of a model that it does not know what nobody knows the model of", async () => {
  await using world = await World.make();
  writeModelsFolder(world.models);
  await leave(world, "m", [A]);
  const { removed, left } = await clean(world, ["other"]);
  assert.deepEqual(removed, []);
  assert.deepEqual([...new Set(left.map(({ why }) => why))], ["unknown"]);
  assert.ok(exists(world.at(A.blob).partial));
  assert.deepEqual((await clean(world, ["llama3.2"])).left, [], "that one is installed");
});

Deno.test("a pull that comes to its end leaves no note of what it wanted", async () => {
  await using world = await World.make();
  const name = parseName("m");
  {
    await using session = await enter(world, "m", [A, B]);
    for (const blob of [A, B]) await fetchBlob(session, blob);
    assert.deepEqual(await session.commit(name, manifestOf([A, B])), []);
  }
  assert.deepEqual(namesIn(world.paths.intents).filter((file) => file.endsWith(".json")), []);
  const report = await clean(world);
  assert.ok(report.removed.every(({ kind }) => kind === "records"), JSON.stringify(report));
  assert.ok(exists(world.at(A.blob).final) && exists(world.at(B.blob).final));
});

Deno.test("what a model wanted before its tag moved on is still known to be its own", async () => {
  await using world = await World.make();
  await leave(world, "m", [A]);
  await leave(world, "m", [B]);
  {
    await using session = await enter(world, "m", [C]);
    await fetchBlob(session, C);
    assert.deepEqual(await session.commit(parseName("m"), manifestOf([C])), []);
  }
  const { removed } = await clean(world, ["m"]);
  assert.equal(removed.filter(({ kind }) => kind === "unfinished").length, 2);
  assert.ok(exists(world.at(C.blob).final));
  for (const { blob } of [A, B]) assert.equal(exists(world.at(blob).partial), false);
});

Deno.test("removeModels() also drops what only this model has left unfinished", async () => {
  await using world = await World.make();
  {
    await using session = await enter(world, "m", [C]);
    await fetchBlob(session, C);
    assert.deepEqual(await session.commit(parseName("m"), manifestOf([C])), []);
  }
  await leave(world, "m", [A, SHARED]);
  await leave(world, "n", [B, SHARED]);
  const [removal] = await world.folder().remove([parseName("m")]);
  assert.ok(removal!.removed!.bytes >= C.blob.size + A.blob.size / 2);
  for (const path of Object.values(world.at(A.blob))) assert.equal(exists(path), false, path);
  assert.ok(exists(world.at(B.blob).partial) && exists(world.at(SHARED.blob).ready));
  const known = JSON.parse(await Deno.readTextFile(world.paths.ledger)).blobs;
  assert.ok(!(C.blob.digest in known) && SHARED.blob.digest in known);
  const unfinished = await world.folder().remove([parseName("n")]);
  assert.match(unfinished[0]!.error!.hint!, /pullama clean n:latest$/);
});

testWith(
  ["readable locks"],
  "case 104: cleanFolder() beside a pull leaves what it wants and what is shared, and says so",
  async () => {
    await using world = await World.make();
    await leave(world, "m", [A, SHARED]);
    await leave(world, "n", [B, C]);
    await Deno.writeTextFile(`${world.paths.temporary}/draft`, "draft");
    await using session = await enter(world, "m", [A, SHARED]);
    const before = snapshotOf(`${world.models}/.pullm`);
    for (const dryRun of [true, false]) {
      const { removed, left } = await clean(world, [], { dryRun });
      assert.deepEqual(lines(removed).sort(), ["records n:latest 1", "unfinished n:latest 4"]);
      assert.deepEqual(lines(left).sort(), [
        "temporary 1",
        "unfinished m:latest 1",
        "unfinished m:latest 3",
        "unfinished n:latest 1",
      ]);
      for (const { why, holder } of left) {
        assert.deepEqual([why, holder], ["busy", `pid ${Deno.pid} on ${Deno.hostname()}`]);
      }
    }
    const mine = (path: string) => !path.includes(B.blob.digest.slice(7)) && !path.includes("lock");
    for (const [path, content] of before) {
      if (mine(path)) assert.equal(snapshotOf(`${world.models}/.pullm`).get(path), content, path);
    }
    assert.equal((await fetchBlob(session, A, { piece: 500 }))[0]!.start, A.blob.size / 2);
  },
);

testWith(
  ["readable locks"],
  "case 104: cleanFolder() leaves a blob whose lock is held, of this program or of the Go program",
  async () => {
    await using world = await World.make();
    const { ofGo } = writeModelsFolder(world.models);
    await leave(world, "m", [A]);
    const goLock = ofGo.find((path) => path.startsWith("blobs/") && path.endsWith(".lock"))!;
    await using _go = await otherHolder(`${world.models}/${goLock}`);
    await using ours = await otherHolder(world.at(A.blob).lock);
    for (const dryRun of [true, false]) {
      const { left } = await clean(world, [], { dryRun });
      assert.equal(left.length, 2);
      assert.ok(left.every(({ why }) => why === "busy"));
      assert.ok(left.some(({ holder }) => holder?.startsWith(`pid ${ours.pid} `)));
    }
    assert.ok(exists(world.at(A.blob).partial) && exists(world.at(A.blob).checkpoint));
    assert.ok(exists(`${world.models}/${goLock.replace(".lock", ".partial")}`));
    assert.equal((await clean(world, ["m"])).left.length, 1);
  },
);

Deno.test("cleanFolder() finds who is at work also where somebody removed the lock file", async () => {
  await using world = await World.make();
  await using session = await world.enter();
  await using ingest = (await session.ingest(A.blob, noSignal(), new Witness()))!;
  await Deno.remove(world.at(A.blob).lock);
  const { left } = await clean(world);
  assert.equal(left.length, 1);
  await fillIn(ingest, A.bytes);
  assert.equal(await ingest.seal(), "sealed");
});

Deno.test("cleanFolder() that is cut off after any step is finished by the next, and no pull is misled", async () => {
  for (let stopAfter = 1;; stopAfter++) {
    await using world = await World.make();
    writeModelsFolder(world.models);
    const before = keeping(world);
    await leave(world, "m", [A, B]);
    const disk = new RecordingDisk({ stopAfter });
    try {
      await clean(world, [], {}, disk);
    } catch (error) {
      if (!disk.stopped) throw error;
    }
    {
      await using session = await enter(world, "m", [A, B]);
      const witness = new Witness();
      for (const blob of [A, B]) await fetchBlob(session, blob, { watcher: witness });
      assert.deepEqual(witness.lostRanges, [], `${stopAfter}`);
      assert.deepEqual(await Deno.readFile(world.at(A.blob).ready), A.bytes);
    }
    await clean(world);
    assert.equal(filesOf(await clean(world)), 0);
    assert.deepEqual(keeping(world), before);
    if (!disk.stopped) return;
  }
});

Deno.test("cleanFolder() takes the lock file of a model whose intent is gone, unless it is held", async () => {
  await using world = await World.make();
  await leave(world, "m", [A]);
  const [intent] = namesIn(world.paths.intents).filter((name) => name.endsWith(".json"));
  const lock = `${world.paths.intents}/${intent!.replace(".json", ".lock")}`;
  await clean(world);
  {
    await using _holder = await otherHolder(lock);
    await clean(world);
    assert.ok(exists(lock));
  }
  assert.deepEqual(lines((await clean(world)).removed), ["records 1"]);
  assert.equal(exists(lock), false);
});

testWith(
  ["symbolic links"],
  "cleanFolder() does not follow links and keeps what is not of its kind",
  async () => {
    await using world = await World.make();
    await leave(world, "m", [A]);
    const outside = `${world.root}/outside`;
    await Deno.mkdir(outside);
    await Deno.writeTextFile(`${outside}/precious`, "precious");
    const { temporary, own } = world.paths;
    linkTo(outside, `${temporary}/link`);
    linkTo(`${outside}/precious`, `${own}/sha256-${"2".repeat(64)}.partial`);
    await Deno.writeTextFile(`${own}/notes.txt`, "mine");
    await Deno.mkdir(`${temporary}/full`);
    await Deno.writeTextFile(`${temporary}/full/file`, "mine");
    await clean(world);
    assert.deepEqual(namesIn(outside), ["precious"]);
    assert.deepEqual(namesIn(temporary), ["full"]);
    assert.ok(exists(`${own}/notes.txt`));
    assert.equal(exists(`${own}/sha256-${"2".repeat(64)}.partial`), false, "the link itself goes");
  },
);

for (const folder of ["own", "ready", "temporary", "bad", "intents"] as const) {
  testWith(
    ["symbolic links"],
    `no command works in a models folder whose folder for ${folder} is a link elsewhere`,
    async () => {
      await using world = await World.make();
      await leave(world, "m", [A]);
      const outside = `${world.root}/outside`;
      await Deno.mkdir(outside);
      const name = `sha256-${"1".repeat(64)}`;
      for (const file of [name, `${name}.partial`, `${name}.lock`, "store.lock", "ledger.json"]) {
        await Deno.writeTextFile(`${outside}/${file}`, "precious");
      }
      const before = snapshotOf(outside);
      const path = world.paths[folder];
      await Deno.remove(path, { recursive: true }).catch(() => {});
      linkTo(outside, path);
      const expected = { kind: "local", message: `${path} exists and is not a directory` };
      await assert.rejects(clean(world), expected);
      await assert.rejects(world.enter(), expected);
      await assert.rejects(
        world.folder().remove([parseName("m")]).then(([end]) => {
          if (end && "error" in end && end.error.kind !== "not_found") throw end.error;
          throw Object.assign(new Error(expected.message), { kind: "local" });
        }),
        expected,
      );
      assert.deepEqual(snapshotOf(outside), before);
    },
  );
}

Deno.test("cleanFolder() keeps a pull that is about to begin from counting on what goes", async () => {
  await using world = await World.make();
  await leave(world, "m", [A]);
  let entered: Promise<Session> | undefined;
  const disk = new RecordingDisk({
    before: ({ does, path }) => {
      if (does === "remove" && path === world.at(A.blob).checkpoint) {
        entered = enter(world, "m", [A]);
      }
    },
  });
  await clean(world, [], {}, disk);
  await using session = await entered!;
  assert.deepEqual(await fetchBlob(session, A), [{ start: 0, end: A.blob.size }]);
});

Deno.test("unfinishedBytes() tells what is of these blobs and what is of others", async () => {
  await using world = await World.make();
  await leave(world, "m", [A, SHARED]);
  await leave(world, "n", [B]);
  const { own, others } = await world.folder().unfinishedBytes([A.blob, SHARED.blob]);
  assert.ok(own >= SHARED.blob.size + A.blob.size / 2, `${own}`);
  assert.ok(others >= B.blob.size / 2 && others < B.blob.size * 2, `${others}`);
});
