import assert from "node:assert/strict";
import { missing, type Range } from "../../../src/core/ranges.ts";
import { Hasher } from "../../../src/io/hash.ts";
import { PieceChecks } from "../../../src/store/partial/piece_checks.ts";
import { digested, World } from "../world.ts";

const LENGTH = 64 * 1024;
const COUNT = 100_000;

Deno.test("check() is quick among 100,000 chunks, however often a connection ends", () => {
  using hasher = new Hasher();
  const digest = `sha256:${"0".repeat(64)}` as const;
  const chunks = Array.from({ length: COUNT }, (_, i) => ({
    start: i * LENGTH,
    end: (i + 1) * LENGTH,
    digest,
  }));
  // Every second half of a chunk is there: none of them is complete.
  const have = chunks.map(({ start, end }) => ({ start: start + LENGTH / 2, end }));
  assert.equal(missing(chunks, have).length, COUNT);
  const never = () => assert.fail("nothing was compared");
  const checks = new PieceChecks(hasher, "/none", {
    passed: never,
    failed: never,
    distrusted: never,
  });
  checks.setChunks(chunks, have, have);
  const begun: Range[] = [{ start: 0, end: LENGTH - 1 }];
  for (let i = 0; i < COUNT; i++) checks.check(() => begun);
  assert.equal(checks.first, 0);
  assert.equal(checks.pending, false);
});

Deno.test("check() compares exactly the chunks that are complete, and tells which of them differ", async () => {
  await using world = await World.make();
  using hasher = new Hasher();
  const path = `${world.root}/blob`;
  const bytes = crypto.getRandomValues(new Uint8Array(LENGTH / 2));
  const chunks = digested(bytes, 1000);
  bytes[5500]! ^= 1;
  Deno.writeFileSync(path, bytes);
  const failed: number[] = [];
  const checks = new PieceChecks(hasher, path, {
    passed() {},
    failed: ({ start }) => failed.push(start),
    distrusted: () => assert.fail("one copy says nothing"),
  });
  checks.setChunks(chunks, [{ start: 0, end: 1500 }, { start: 2000, end: 3999 }], []);
  await checks.settle();
  assert.equal(checks.first, 1000);
  checks.check(() => [{ start: 0, end: 7000 }, { start: 7001, end: bytes.length }]);
  await checks.settle();
  assert.deepEqual(failed, [5000]);
  assert.equal(checks.first, 5000);
  await checks.close();
});
