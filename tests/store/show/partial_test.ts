import assert from "node:assert/strict";
import type { PullIntent } from "../../../src/core/content.ts";
import { parseName } from "../../../src/core/name.ts";
import type { PartialModel } from "../../../src/core/reports/partial.ts";
import { intentOf } from "../../../src/transfer/amounts.ts";
import {
  blobOf,
  exists,
  leaveUnfinished,
  manifestOf,
  namesIn,
  noSignal,
  type TestBlob,
  World,
} from "../world.ts";
import { bring } from "../write/small_model.ts";

const X = blobOf(600_000, 1);
const Y = blobOf(400_000, 2);
const Z = blobOf(300_000, 3);
const M = parseName("m");

/** How a pull names the blobs of its model: those that are missing, or all. */
const WAYS = ["missing", "all"] as const;

async function enterAs(world: World, blobs: readonly TestBlob[], way: typeof WAYS[number]) {
  const statuses = await world.folder().survey(blobs.map(({ blob }) => blob));
  const intent: PullIntent = intentOf(M, statuses, { hours: undefined });
  const digests = new Set(blobs.map(({ blob }) => blob.digest));
  return await world.folder().enter(
    noSignal(),
    () => {},
    way === "all" ? { ...intent, digests } : intent,
  );
}

async function only(world: World): Promise<PartialModel> {
  const models = await world.folder().partial();
  assert.equal(models.length, 1);
  return models[0]!;
}

for (const way of WAYS) {
  Deno.test(`list --partial counts no blob twice, however often a pull was run (${way})`, async () => {
    await using world = await World.make();
    {
      await using session = await enterAs(world, [X, Y], way);
      assert.equal((await only(world)).done, 0);
      await bring(session, [X]);
      await leaveUnfinished(session, Y, { start: 0, end: 8192 });
    }
    assert.deepEqual([(await only(world)).done, (await only(world)).size], [608_192, 1_000_000]);
    for (let run = 2; run < 4; run++) {
      await using session = await enterAs(world, [X, Y], way);
      assert.equal((await only(world)).done, 608_192, `run ${run}`);
      if (run === 3) await leaveUnfinished(session, Y, { start: 8192, end: 16_384 });
    }
    assert.equal((await only(world)).done, 616_384);
    await Deno.remove(world.at(X.blob).ready);
    assert.equal((await only(world)).done, 16_384);
  });

  Deno.test(`list --partial does not count what is kept of another version as done (${way})`, async () => {
    await using world = await World.make();
    {
      await using session = await enterAs(world, [X, Y], way);
      await bring(session, [X]);
      await leaveUnfinished(session, Y, { start: 0, end: 8192 });
    }
    await using session = await enterAs(world, [Z], way);
    await leaveUnfinished(session, Z, { start: 0, end: 4096 });
    const { kept, done, size } = await only(world);
    assert.deepEqual([kept, done, size], [612_288, 4096, 300_000]);
  });
}

Deno.test("the end of a pull leaves another version's running pull of the model its note", async () => {
  await using world = await World.make();
  {
    await using _other = await enterAs(world, [Y, X], "missing");
    await pullAs(world, [Z, X]);
    const running = await only(world);
    assert.deepEqual([running.name, running.active], [M, true]);
  }
  await using other = await enterAs(world, [Y, X], "missing");
  await leaveUnfinished(other, Y, { start: 0, end: 8192 });
  await pullAs(world, [Z, X]);
  await other[Symbol.asyncDispose]();
  const { removed } = await world.folder().clean({
    models: [M],
    dryRun: false,
    queue: false,
    signal: noSignal(),
  });
  assert.ok(removed.length > 0 && !exists(world.at(Y.blob).partial));
});

Deno.test("a pull leaves no note of a model that is complete, also beside another pull of it", async () => {
  await using world = await World.make();
  {
    await using _other = await enterAs(world, [X, Y], "missing");
    await pullAs(world, [X, Y]);
    assert.deepEqual(await world.folder().partial(), []);
  }
  assert.deepEqual(namesIn(world.paths.intents), []);
});

Deno.test("a pull of another version keeps the note of what is left of the first one", async () => {
  await using world = await World.make();
  {
    await using session = await enterAs(world, [X, Y], "all");
    await leaveUnfinished(session, Y, { start: 0, end: 8192 });
  }
  await pullAs(world, [Z, X]);
  const { name, kept, done, active } = await only(world);
  assert.deepEqual([name, kept, done, active], [M, 8192, undefined, false]);
});

/** A whole pull. */
async function pullAs(world: World, blobs: readonly TestBlob[]): Promise<void> {
  await using session = await enterAs(world, blobs, "missing");
  await bring(session, blobs);
  assert.deepEqual(await session.commit(M, manifestOf(blobs)), []);
}
