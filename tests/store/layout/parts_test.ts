import assert from "node:assert/strict";
import fc from "fast-check";
import { createHash } from "node:crypto";
import { digestOf } from "../../../src/core/digest.ts";
import type { PrefixDigest } from "../../../src/core/ranges.ts";
import { folderAt } from "../../../src/store/layout/folder.ts";
import { keepParts, readParts, SPACING } from "../../../src/store/layout/parts.ts";
import { blobPaths } from "../../../src/store/layout/paths.ts";
import { World } from "../world.ts";

const DIGEST = digestAt(-1);

function digestAt(end: number): PrefixDigest["digest"] {
  return digestOf(createHash("sha256").update(String(end)).digest("hex"));
}

function marks(distance: number, count: number): PrefixDigest[] {
  return Array.from({ length: count }, (_, i) => {
    const end = (i + 1) * distance;
    return { end, digest: digestAt(end) };
  });
}

Deno.test("keepParts() keeps what readParts() returns, whatever distance the digests have", async () => {
  await using world = await World.make();
  const folder = folderAt(world.paths);
  const path = blobPaths(world.paths, DIGEST).parts;
  for (const distance of [SPACING, 2 * SPACING, 8 * SPACING]) {
    for (const [size, count] of [[3 * distance, 2], [3 * distance + 1, 3]] as const) {
      const blob = { digest: DIGEST, size };
      const known = marks(distance, count);
      await keepParts(folder, blob, [{ end: 5, digest: DIGEST }, ...known, {
        end: size,
        digest: DIGEST,
      }]);
      assert.deepEqual(await readParts(path, blob), known);
      assert.deepEqual(await readParts(path, { size: size + distance }), [], "another size");
      // 32 bytes per part, and a short header.
      assert.ok(Deno.statSync(path).size <= 32 * count + 20);
    }
  }
});

Deno.test("keepParts() keeps nothing of a blob of one part, or with digests missing", async () => {
  await using world = await World.make();
  const folder = folderAt(world.paths);
  const path = blobPaths(world.paths, DIGEST).parts;
  await keepParts(folder, { digest: DIGEST, size: SPACING }, []);
  await keepParts(folder, { digest: DIGEST, size: 5 * SPACING }, marks(SPACING, 3));
  assert.deepEqual(await readParts(path, { size: SPACING }), []);
  assert.throws(() => Deno.statSync(path), Deno.errors.NotFound);
});

Deno.test("readParts() of anything else returns nothing", async () => {
  await using world = await World.make();
  const path = blobPaths(world.paths, DIGEST).parts;
  const blob = { digest: DIGEST, size: 3 * SPACING };
  await keepParts(folderAt(world.paths), blob, marks(SPACING, 2));
  const good = Deno.readFileSync(path);
  const bad = [
    new Uint8Array(),
    good.subarray(0, 15),
    good.subarray(0, -1),
    Uint8Array.from([...good, 0]),
    good.with(0, 0),
    good.with(19, 0),
    new Uint8Array(1 << 20),
  ];
  for (const bytes of bad) {
    Deno.writeFileSync(path, bytes);
    assert.deepEqual(await readParts(path, blob), []);
  }
});

Deno.test("readParts() of random bytes returns ascending ends within the blob, or nothing", async () => {
  await using world = await World.make();
  const path = blobPaths(world.paths, DIGEST).parts;
  const blob = { digest: DIGEST, size: 5 * SPACING };
  await keepParts(folderAt(world.paths), blob, marks(SPACING, 4));
  const good = Deno.readFileSync(path);
  await fc.assert(fc.asyncProperty(
    fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 8 }),
    fc.nat(good.length),
    fc.nat(20 * SPACING),
    async (changes, length, size) => {
      const bytes = good.slice(0, length);
      for (const [at, byte] of changes) if (at < length) bytes[at] = byte;
      Deno.writeFileSync(path, bytes);
      const found = await readParts(path, { size });
      assert.ok(found.every(({ end }, i) => end > (found[i - 1]?.end ?? 0) && end < size));
    },
  ));
});
