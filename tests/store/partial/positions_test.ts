import assert from "node:assert/strict";
import { realDisk } from "../../../src/io/disk.ts";
import { bootTime, PositionsFile, readPositions } from "../../../src/store/partial/positions.ts";
import { RecordingDisk, systemError } from "../../fakes/recording_disk.ts";
import { namesIn, World } from "../world.ts";

const BOOT = 1_700_000_000;

async function made(world: World, ranges = [{ start: 10, end: 20 }]) {
  const path = `${world.root}/x.live`;
  const live = await PositionsFile.create(
    { disk: realDisk, path, draft: `${world.root}/t` },
    BOOT,
    ranges,
  );
  return { path, live };
}

Deno.test("readPositions() reads what was begun, advanced and not released", async () => {
  await using world = await World.make();
  const { path, live } = await made(world);
  const [kept] = live.slots();
  const one = live.begin(100);
  const other = live.begin(200);
  live.advance(one, 150);
  live.advance(other, 201);
  live.advance(other, 260);
  live.release(one);
  live.close();
  assert.deepEqual(await readPositions(path, BOOT, 1000), [
    { start: 10, end: 20 },
    { start: 200, end: 260 },
  ]);
  assert.equal(kept!.position, 20);
  assert.deepEqual(namesIn(world.root), ["grave", "models", "x.live"]);
});

Deno.test("begin() uses a released line again, and a late release of the old one does nothing", async () => {
  await using world = await World.make();
  const { path, live } = await made(world, []);
  const old = live.begin(0);
  live.advance(old, 50);
  live.release(old);
  const young = live.begin(500);
  live.advance(young, 510);
  live.release(old);
  live.close();
  assert.equal(young.line, old.line);
  assert.deepEqual(await readPositions(path, BOOT, 1000), [{ start: 500, end: 510 }]);
});

Deno.test("advance() never loses the last position, however the writes fall", async () => {
  await using world = await World.make();
  const { path, live } = await made(world, []);
  const slot = live.begin(0);
  for (let position = 1; position <= 300; position++) {
    live.advance(slot, position);
    for (let turns = position % 7; turns > 0; turns--) await Promise.resolve();
    if (position % 11 === 0) await Deno.stat(path);
  }
  live.close();
  assert.deepEqual(await readPositions(path, BOOT, 1000), [{ start: 0, end: 300 }]);
});

Deno.test("readPositions() believes only this boot, give or take a clock that is set", async () => {
  await using world = await World.make();
  const { path, live } = await made(world);
  live.close();
  for (const boot of [BOOT - 5, BOOT, BOOT + 5]) {
    assert.equal((await readPositions(path, boot, 1000)).length, 1);
  }
  for (const boot of [BOOT - 6, BOOT + 6, 0]) {
    assert.deepEqual(await readPositions(path, boot, 1000), []);
  }
  assert.ok(Math.abs(bootTime() + Deno.osUptime() - Date.now() / 1000) <= 2);
});

Deno.test("readPositions() cuts positions at what the file has", async () => {
  await using world = await World.make();
  const { path, live } = await made(world);
  live.close();
  assert.deepEqual(await readPositions(path, BOOT, 15), [{ start: 10, end: 15 }]);
  assert.deepEqual(await readPositions(path, BOOT, 10), []);
});

Deno.test("readPositions() passes over lines and files that are not as they were written", async () => {
  await using world = await World.make();
  const { path, live } = await made(world, [{ start: 1, end: 2 }, { start: 3, end: 4 }, {
    start: 5,
    end: 6,
  }]);
  live.close();
  const sound = await Deno.readTextFile(path);
  const broken = sound.replace(/0(3 0+)4/, "x$14");
  await Deno.writeTextFile(path, broken);
  assert.deepEqual(await readPositions(path, BOOT, 100), [{ start: 1, end: 2 }, {
    start: 5,
    end: 6,
  }]);
  for (const text of ["", "garbage", sound.slice(0, 63), "\0".repeat(500), `x${sound.slice(1)}`]) {
    await Deno.writeTextFile(path, text);
    assert.deepEqual(await readPositions(path, BOOT, 100), []);
  }
  assert.deepEqual(await readPositions(`${path}.none`, BOOT, 100), []);
});

Deno.test("a line lies within one page, so that a kill cannot tear it", async () => {
  await using world = await World.make();
  const many = Array.from({ length: 200 }, (_, i) => ({ start: i * 10, end: i * 10 + 5 }));
  const { path, live } = await made(world, many);
  live.close();
  const text = await Deno.readTextFile(path);
  for (let at = 0; at < text.length; at = text.indexOf("\n", at) + 1) {
    assert.equal(Math.floor(at / 4096), Math.floor(text.indexOf("\n", at) / 4096));
  }
});

Deno.test("create() leaves no temporary file when it fails", async () => {
  await using world = await World.make();
  for (const does of ["write", "rename", "own"] as const) {
    const disk = new RecordingDisk({
      fail: (step) => step.does === does ? systemError("ENOSPC") : undefined,
    });
    const path = `${world.root}/x.live`;
    await assert.rejects(PositionsFile.create({ disk, path, draft: `${world.root}/t` }, BOOT, []), {
      kind: "disk_full",
    });
    assert.deepEqual(namesIn(world.root), ["grave", "models"]);
  }
});
