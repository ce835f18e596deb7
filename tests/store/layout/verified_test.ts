import assert from "node:assert/strict";
import { Ledger, type VerifiedFile, verifiedFile } from "../../../src/store/layout/verified.ts";
import { linkTo } from "../../fakes/link.ts";
import { testWith } from "../../needs.ts";
import { RecordingDisk, systemError } from "../../fakes/recording_disk.ts";
import { realDisk } from "../../../src/io/disk.ts";
import { blobOf, namesIn, World } from "../world.ts";

const [ONE, OTHER] = [blobOf(10, 1).blob.digest, blobOf(10, 2).blob.digest];

async function made(): Promise<{ world: World; file: string; info: VerifiedFile }> {
  const world = await World.make();
  await Deno.mkdir(world.paths.temporary, { recursive: true });
  const file = `${world.root}/file`;
  await Deno.writeTextFile(file, "content");
  return { world, file, info: verifiedFile(await Deno.stat(file)) };
}

const open = (world: World, disk = realDisk) => Ledger.open({ disk: disk, paths: world.paths });

Deno.test("Ledger remembers a file until it is touched, resized or exchanged", async () => {
  const { world, file, info } = await made();
  await using _ = world;
  const first = await open(world);
  assert.equal(first.vouchesFor(ONE, info), false);
  first.note(ONE, info);
  assert.equal(first.vouchesFor(ONE, info), true);
  await first.save();
  const ledger = await open(world);
  assert.equal(ledger.vouchesFor(ONE, info), true);
  assert.equal(ledger.vouchesFor(OTHER, info), false);
  assert.equal(ledger.vouchesFor(ONE, { ...info, size: info.size + 1 }), false);
  assert.equal(ledger.vouchesFor(ONE, { ...info, ino: info.ino! + 1 }), false);
  await Deno.utime(file, new Date(), new Date(info.mtimeMs + 1));
  assert.equal(ledger.vouchesFor(ONE, verifiedFile(await Deno.stat(file))), false);
});

Deno.test("Ledger keeps what another process noted meanwhile", async () => {
  const { world, info } = await made();
  await using _ = world;
  const [a, b] = [await open(world), await open(world)];
  a.note(ONE, info);
  b.note(OTHER, info);
  await a.save();
  await b.save();
  const ledger = await open(world);
  assert.ok(ledger.vouchesFor(ONE, info) && ledger.vouchesFor(OTHER, info));
});

Deno.test("save() called twice at once loses no note, and none is forgotten in between", async () => {
  const { world, info } = await made();
  await using _ = world;
  const ledger = await open(world);
  ledger.note(ONE, info);
  const first = ledger.save();
  ledger.note(OTHER, info);
  const second = ledger.save();
  const seen: boolean[] = [];
  for (let turn = 0; turn < 20; turn++) {
    seen.push(ledger.vouchesFor(ONE, info));
    await Promise.resolve();
  }
  await Promise.all([first, second]);
  assert.ok(seen.every(Boolean));
  const read = await open(world);
  assert.ok(read.vouchesFor(ONE, info) && read.vouchesFor(OTHER, info));
});

Deno.test("save() that fails does not reject, leaves nothing behind and is made up for later", async () => {
  const { world, info } = await made();
  await using _ = world;
  let full = true;
  const disk = new RecordingDisk({
    fail: ({ does }) => full && does === "rename" ? systemError("ENOSPC") : undefined,
  });
  const ledger = await open(world, disk);
  ledger.note(ONE, info);
  await ledger.save();
  assert.ok(ledger.vouchesFor(ONE, info));
  assert.deepEqual(namesIn(world.paths.temporary), []);
  full = false;
  await ledger.save();
  assert.ok((await open(world)).vouchesFor(ONE, info));
});

for (
  const text of [
    "",
    "garbage",
    "null",
    "[]",
    '{"version":2,"blobs":{}}',
    '{"version":1,"blobs":[{}]}',
    `{"version":1,"blobs":{"${ONE}":{"size":7}}}`,
  ]
) {
  Deno.test(`a ledger that reads ${JSON.stringify(text)} is an empty one`, async () => {
    const { world, info } = await made();
    await using _ = world;
    await Deno.writeTextFile(world.paths.ledger, text);
    const ledger = await open(world);
    assert.equal(ledger.vouchesFor(ONE, info), false);
    ledger.note(ONE, info);
    await ledger.save();
    assert.ok((await open(world)).vouchesFor(ONE, info));
  });
}

Deno.test("save() keeps what it adds to a ledger with a number that no file has", async () => {
  const { world, info } = await made();
  await using _ = world;
  const entry = { mtime_ms: 1, inode: 1, verified_at: "" };
  const text = JSON.stringify({ version: 1, blobs: { [OTHER]: { size: "huge", ...entry } } });
  await Deno.writeTextFile(world.paths.ledger, text.replace('"huge"', "1e400"));
  const ledger = await open(world);
  ledger.note(ONE, info);
  await ledger.save();
  assert.ok((await open(world)).vouchesFor(ONE, info));
});

testWith(
  ["symbolic links"],
  "save() keeps the entries of a ledger that cannot be read for a moment, and adds to them later",
  async () => {
    const { world, info } = await made();
    await using _ = world;
    const [folder, link] = [`${world.root}/folder`, `${world.root}/link`];
    Deno.mkdirSync(folder);
    const leadTo = (path: string) => {
      Deno.removeSync(link);
      linkTo(path, link);
    };
    linkTo(folder, link);
    const paths = { ...world.paths, ledger: `${link}/ledger.json` };
    const first = await Ledger.open({ disk: realDisk, paths });
    first.note(ONE, info);
    await first.save();
    // Only the first look fails: it can be replaced again.
    const disk = new RecordingDisk({ before: () => leadTo(folder) });
    const second = await Ledger.open({ disk, paths });
    leadTo(link);
    await second.refresh();
    assert.ok(second.vouchesFor(ONE, info), "what was known still is");
    second.note(OTHER, info);
    await second.save();
    leadTo(folder);
    assert.ok((await Ledger.open({ disk, paths })).vouchesFor(ONE, info));
    await second.save();
    const ledger = await Ledger.open({ disk, paths });
    assert.ok(ledger.vouchesFor(ONE, info) && ledger.vouchesFor(OTHER, info));
  },
);
