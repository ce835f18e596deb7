import assert from "node:assert/strict";
import { intersect, union } from "../../../src/core/ranges.ts";
import {
  type Checkpoint,
  type ClaimedRange,
  decodeCheckpoint,
  encodeCheckpoint,
} from "../../../src/store/partial/checkpoint.ts";
import { checkpointOf, claimsOf } from "../../../src/store/partial/resume.ts";
import { blobOf, fetchBlob, sha256, World } from "../world.ts";

const { blob, bytes } = blobOf(100_000);
const digestTo = (end: number) => sha256(bytes.subarray(0, end));
const D = digestTo(1);
const CHECKPOINT: Checkpoint = {
  proven: [
    { start: 60, end: 80, digest: D, from: "registry" },
    { start: 10, end: 20, from: "adopted" },
  ],
  prefix: [{ end: 30, digest: D }, { end: 50, digest: D }],
  holes: [{ start: 40, end: 42 }],
  searched: 0,
};

Deno.test("claimsOf() trusts what marks speak for, less holes and what was doubted", () => {
  const { claims, prefixDigests: marks } = claimsOf(CHECKPOINT, [], 100);
  assert.deepEqual(marks, CHECKPOINT.prefix);
  assert.deepEqual(claims, [
    { start: 0, end: 10, from: "registry" },
    { start: 20, end: 40, from: "registry" },
    { start: 42, end: 50, from: "registry" },
    ...CHECKPOINT.proven,
  ]);
});

Deno.test("claimsOf() takes from live positions what nothing else claims", () => {
  const { claims } = claimsOf(CHECKPOINT, [{ start: 70, end: 90 }, { start: 85, end: 95 }], 100);
  assert.deepEqual(claims.at(-1), { start: 80, end: 95, from: "live" });
});

Deno.test("case 86: claimsOf() a shorter file doubts what was proven together with bytes that are gone", () => {
  const { claims, prefixDigests: marks } = claimsOf(CHECKPOINT, [], 70);
  assert.deepEqual(marks, CHECKPOINT.prefix);
  assert.deepEqual(claims.at(-2), { start: 60, end: 70, from: "live" });
  const shorter = claimsOf(CHECKPOINT, [], 35);
  assert.deepEqual(shorter.prefixDigests, [{ end: 30, digest: D }]);
  assert.deepEqual(shorter.claims, [
    { start: 0, end: 10, from: "registry" },
    { start: 20, end: 30, from: "registry" },
    { start: 30, end: 35, from: "live" },
    { start: 10, end: 20, from: "adopted" },
  ]);
  assert.deepEqual(claimsOf(CHECKPOINT, [], 0), { claims: [], prefixDigests: [] });
});

Deno.test("checkpointOf() claims the same as the checkpoint and the positions, also after a second look", () => {
  for (const limit of [100, 70, 35, 0]) {
    const live = intersect([{ start: 70, end: 90 }], [{ start: 0, end: limit }]);
    const state = {
      ...claimsOf(CHECKPOINT, live, limit),
      length: limit,
      searched: 7,
    };
    const written = decodeCheckpoint(
      encodeCheckpoint(blob, checkpointOf(state), "pullama/test"),
      blob,
      "path",
    );
    assert.equal(written.searched, 7);
    const { claims, prefixDigests } = claimsOf(written, [], limit);
    const sorted = (list: readonly ClaimedRange[]) => list.toSorted((a, b) => a.start - b.start);
    assert.deepEqual(sorted(claims), sorted(state.claims));
    assert.deepEqual(prefixDigests, state.prefixDigests);
  }
});

Deno.test("checkpointOf() claims nothing of what is lost, and doubts what was proven together with it", () => {
  const state = { ...claimsOf(CHECKPOINT, [], 100), length: 100, searched: 0 };
  const checkpoint = checkpointOf(state, [{ start: 5, end: 12 }, { start: 65, end: 70 }]);
  const { claims } = claimsOf(checkpoint, [], 100);
  assert.deepEqual(claims.toSorted((a, b) => a.start - b.start), [
    { start: 0, end: 5, from: "registry" },
    { start: 12, end: 20, from: "adopted" },
    { start: 20, end: 40, from: "registry" },
    { start: 42, end: 50, from: "registry" },
    { start: 60, end: 65, from: "live" },
    { start: 70, end: 80, from: "live" },
  ]);
});

const HALF: Checkpoint = {
  ...CHECKPOINT,
  proven: [],
  holes: [],
  searched: 0,
  prefix: [{ end: 50_000, digest: digestTo(50_000) }],
};

for (
  const [what, length, kept] of [
    ["no partial", undefined, 0],
    ["an empty partial", 0, 0],
    ["a shorter partial", 20_000, 20_000],
    ["a partial of the right length", 100_000, 50_000],
    ["a longer partial", 100_001, 50_000],
  ] as const
) {
  Deno.test(`case 86: of a checkpoint with ${what} only existing bytes count`, async () => {
    await using world = await World.make();
    await using session = await world.enter();
    const at = world.at(blob);
    await Deno.writeFile(at.checkpoint, encodeCheckpoint(blob, HALF, "pullama/test"));
    if (length !== undefined) {
      const content = new Uint8Array(length);
      content.set(bytes.subarray(0, Math.min(length, 60_000)));
      await Deno.writeFile(at.partial, content);
    }
    const [standing] = await world.folder().survey([blob]);
    assert.equal(standing!.kept, kept);
    const fetched = await fetchBlob(session, { blob, bytes });
    assert.deepEqual(union(fetched), [{ start: kept, end: 100_000 }]);
    assert.deepEqual(await Deno.readFile(at.ready), bytes);
  });
}

Deno.test("a checkpoint of a newer version stops the pull and stays as it is", async () => {
  await using world = await World.make();
  await using session = await world.enter();
  const at = world.at(blob);
  await Deno.writeTextFile(at.checkpoint, '{"version":3}');
  await Deno.writeFile(at.partial, bytes.subarray(0, 10));
  await assert.rejects(fetchBlob(session, { blob, bytes }), { kind: "local", message: /newer/ });
  assert.equal(await Deno.readTextFile(at.checkpoint), '{"version":3}');
  assert.equal((await Deno.stat(at.partial)).size, 10);
  await Deno.remove(at.checkpoint);
  await fetchBlob(session, { blob, bytes });
  assert.deepEqual(await Deno.readFile(at.ready), bytes, "the lock was let go");
});

Deno.test({
  name: "a checkpoint of thousands of ranges is proven with few files open",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using world = await World.make();
    await using session = await world.enter();
    const at = world.at(blob);
    const proven = Array.from({ length: 3000 }, (_, n) => {
      const [start, end] = [n * 32, n * 32 + 31];
      return { start, end, digest: sha256(bytes.subarray(start, end)), from: "registry" } as const;
    });
    const checkpoint = encodeCheckpoint(
      blob,
      { proven, prefix: [], holes: [], searched: 0 },
      "pullama/test",
    );
    await Deno.writeFile(at.checkpoint, checkpoint);
    await Deno.writeFile(at.partial, bytes);
    const open = () => [...Deno.readDirSync("/proc/self/fd")].length;
    const before = open();
    let most = 0;
    const timer = setInterval(() => most = Math.max(most, open()), 1);
    const fetched = await fetchBlob(session, { blob, bytes });
    clearInterval(timer);
    assert.ok(most < before + 100, `${most} files`);
    assert.equal(fetched.length, 3000);
    assert.deepEqual(await Deno.readFile(at.ready), bytes);
  },
});
