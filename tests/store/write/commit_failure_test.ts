import assert from "node:assert/strict";
import { isAt, RecordingDisk, systemError } from "../../fakes/recording_disk.ts";
import { assertComplete, BLOBS, bring, MANIFEST, pull } from "./small_model.ts";
import { blobFrom, manifestOf, NAME, namesIn, World } from "../world.ts";

Deno.test("case 91: a manifest folder removed before the rename is made again", async () => {
  await using world = await World.make();
  let removals = 0;
  const disk = new RecordingDisk({
    before: (step) => {
      if (step.does !== "rename" || !isAt(step, "latest") || removals === 4) return;
      removals++;
      Deno.removeSync(world.paths.manifests, { recursive: true });
    },
  });
  await pull(world, disk);
  assert.equal(removals, 4);
  assertComplete(world);
});

Deno.test("case 91: a folder that goes each time ends as an error, with nothing left behind", async () => {
  await using world = await World.make();
  const disk = new RecordingDisk({
    before: (step) => {
      if (step.does === "rename" && isAt(step, "latest")) {
        Deno.removeSync(world.paths.manifests, { recursive: true });
      }
    },
  });
  await assert.rejects(pull(world, disk), { kind: "local" });
  assert.deepEqual(namesIn(world.paths.temporary), []);
});

for (
  const [what, does, name, kind] of [
    ["the draft of the manifest cannot be written", "write", "tmp", "disk_full"],
    ["a manifest folder cannot be made", "rename", "library", "disk_full"],
    ["the manifest cannot be renamed", "rename", "latest", "disk_full"],
  ] as const
) {
  Deno.test(`case 120: when ${what}, no empty folder and no temporary file stays`, async () => {
    await using world = await World.make();
    let committing = false;
    const disk = new RecordingDisk({
      fail: (step) =>
        committing && step.does === does && (isAt(step, name) || step.path.endsWith(`/${name}`)) &&
          !step.path.includes("ledger")
          ? systemError("ENOSPC")
          : undefined,
    });
    {
      await using session = await world.enter(disk);
      await bring(session);
      committing = true;
      await assert.rejects(session.commit(NAME, MANIFEST), {
        kind,
        message: /manifest of .*model/,
      });
    }
    assert.deepEqual(namesIn(world.paths.manifests), []);
    assert.deepEqual(namesIn(world.paths.temporary), []);
    assert.equal(await pull(world), 0, "the blobs are kept");
    assertComplete(world);
  });
}

Deno.test("case 92: a full disk at the manifest leaves the old one as it was", async () => {
  await using world = await World.make();
  await pull(world);
  const newer = manifestOf([...BLOBS, blobFrom(new Uint8Array(50).fill(3))]);
  const disk = new RecordingDisk({
    fail: (step) =>
      step.does === "rename" && isAt(step, "latest") ? systemError("ENOSPC") : undefined,
  });
  await using session = await world.enter(disk);
  const extra = new Uint8Array(50).fill(3);
  await session.put(blobFrom(extra).blob, extra);
  await assert.rejects(session.commit(NAME, newer), { kind: "disk_full" });
  assertComplete(world);
});

Deno.test("a blob of somebody else that cannot be touched is used as it is", async () => {
  await using world = await World.make();
  const disk = new RecordingDisk({
    fail: (step) => step.does === "touch" ? systemError("EPERM") : undefined,
  });
  await pull(world, disk);
  assertComplete(world);
});
