import assert from "node:assert/strict";
import { RecordingDisk } from "../../fakes/recording_disk.ts";
import { blobFrom, manifestOf, NAME, namesIn, World } from "../world.ts";

const COUNT = 5_000;

Deno.test("case 36: 5,000 small blobs take one sync each and a few for all together", async () => {
  const blobs = Array.from(
    { length: COUNT },
    (_, i) => blobFrom(new TextEncoder().encode(`tensor ${i}`)),
  );
  await using world = await World.make();
  const disk = new RecordingDisk();
  await using session = await world.enter(disk);
  for (let at = 0; at < COUNT; at += 100) {
    const put = blobs.slice(at, at + 100).map(({ blob, bytes }) => session.put(blob, bytes));
    await Promise.all(put);
  }
  assert.equal(disk.count("sync"), COUNT);
  assert.equal(disk.count("sync folder"), 4, "only those of entering");
  assert.deepEqual(await session.commit(NAME, manifestOf(blobs)), []);
  assert.ok(disk.count("sync") - COUNT <= 2, "manifest and ledger");
  assert.ok(disk.count("sync folder") <= 20);
  assert.equal(namesIn(world.paths.blobs).length, COUNT);
  assert.deepEqual(namesIn(world.paths.ready), []);
});
