import assert from "node:assert/strict";
import { blobFile } from "../../../src/store/layout/paths.ts";
import { type DiskStep, isAt, RecordingDisk, systemError } from "../../fakes/recording_disk.ts";
import { assertComplete, BLOBS, bring, MANIFEST, pull } from "./small_model.ts";
import { NAME, namesIn, World } from "../world.ts";

Deno.test("case 90: where no links are, a blob removed meanwhile is asked for again", async () => {
  await using world = await World.make();
  await pull(world);
  const disk = new RecordingDisk({
    fail: (step) => step.does === "link" ? systemError("EPERM") : undefined,
    before: (step) => {
      if (step.does === "rename" && isAt(step, "latest")) Deno.removeSync(world.at(lost).final);
    },
  });
  const lost = BLOBS[1]!.blob;
  await using session = await world.enter(disk);
  assert.equal(await bring(session), 0);
  assert.deepEqual(await session.commit(NAME, MANIFEST), [lost]);
});

for (const code of ["EPERM", "EXDEV"] as const) {
  Deno.test(`commit() works without links (${code})`, async () => {
    await using world = await World.make();
    const fail = ({ does, path, from }: { does: string; path: string; from?: string }) => {
      if (does === "link") return systemError(code);
      const across = from?.startsWith(world.paths.ready) && path.startsWith(world.paths.blobs);
      return code === "EXDEV" && does === "rename" && across ? systemError(code) : undefined;
    };
    assert.equal(await pull(world, new RecordingDisk({ fail })), 3);
    assertComplete(world);
    assert.deepEqual(
      namesIn(world.paths.blobs),
      BLOBS.map(({ blob }) => blobFile(blob.digest)).sort(),
    );
    assert.deepEqual(namesIn(world.paths.ready), []);
    assert.equal(await pull(world, new RecordingDisk({ fail })), 0);
  });
}

Deno.test("commit() without links does not believe a file that appeared under the final name", async () => {
  await using world = await World.make();
  const disk = new RecordingDisk({
    fail: (step) => step.does === "link" ? systemError("EPERM") : undefined,
  });
  const { blob, bytes } = BLOBS[1]!;
  await using session = await world.enter(disk);
  await bring(session);
  await Deno.writeFile(world.at(blob).final, bytes.with(0, bytes[0]! ^ 1));
  assert.deepEqual(await session.commit(NAME, MANIFEST), []);
  assertComplete(world);
});

Deno.test("two pulls that commit the same blobs to another file system copy them once", async () => {
  await using world = await World.make();
  const fail = ({ does, path, from }: DiskStep) => {
    const across = from?.startsWith(world.paths.ready) && path.startsWith(world.paths.blobs);
    return across && (does === "link" || does === "rename") ? systemError("EXDEV") : undefined;
  };
  const disks = [new RecordingDisk({ fail }), new RecordingDisk({ fail })] as const;
  await using one = await world.enter(disks[0]);
  await using other = await world.enter(disks[1]);
  await bring(one);
  assert.equal(await bring(other), 0);
  assert.deepEqual(
    await Promise.all([one, other].map((session) => session.commit(NAME, MANIFEST))),
    [[], []],
  );
  assertComplete(world);
  const copies = disks.flatMap(({ steps }) =>
    steps.filter(({ does, path }) => does === "open" && path.startsWith(`${world.paths.blobs}/sha`))
  );
  assert.equal(copies.length, BLOBS.length);
  // What is noted is the file that is there, not a copy that was replaced.
  for (const { state } of await world.folder().survey(BLOBS.map(({ blob }) => blob))) {
    assert.equal(state, "present");
  }
});
