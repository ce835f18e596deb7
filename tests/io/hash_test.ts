import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type Digest, digestOf } from "../../src/core/digest.ts";
import { Hasher } from "../../src/io/hash.ts";
import { noise, wholeOf } from "../fakes/content.ts";
import { type Scratch, scratch } from "./other_process.ts";

const MIB = 1024 * 1024;
const BYTES = wholeOf(noise(80 * MIB, 5));

function digest(start: number, end: number): Digest {
  return digestOf(createHash("sha256").update(BYTES.subarray(start, end)).digest("hex"));
}

async function file(dir: Scratch, length = BYTES.length): Promise<string> {
  await Deno.writeFile(`${dir.path}/data`, BYTES.subarray(0, length));
  return `${dir.path}/data`;
}

Deno.test("extend() continues from its position, from any start, over many slices", async () => {
  await using dir = await scratch();
  using hasher = new Hasher();
  const run = hasher.follow(await file(dir), 7);
  assert.equal(run.digest, undefined);
  for (const end of [8, 1000, 70 * MIB, BYTES.length]) {
    assert.equal(await run.extend(end), true);
    assert.equal(run.position, end);
    assert.equal(run.digest, digest(7, end));
  }
  assert.equal(await run.extend(5), true, "a smaller end does nothing");
  await run.close();
});

Deno.test("extend() resets the run on a digest mismatch", async () => {
  await using dir = await scratch();
  using hasher = new Hasher();
  const run = hasher.follow(await file(dir), 0);
  await run.extend(10 * MIB);
  assert.equal(await run.extend(75 * MIB, digest(0, 10)), false);
  assert.deepEqual([run.position, run.digest], [10 * MIB, digest(0, 10 * MIB)]);
  assert.equal(await run.extend(75 * MIB, digest(0, 75 * MIB)), true);
  assert.equal(await run.extend(BYTES.length), true);
  assert.equal(run.digest, digest(0, BYTES.length));
  await run.close();
});

Deno.test("extend() resolves with false if the file is too short, and continues when it has grown", async () => {
  await using dir = await scratch();
  using hasher = new Hasher();
  const path = await file(dir, 40 * MIB + 5);
  const run = hasher.follow(path, 1);
  await run.extend(MIB);
  assert.equal(await run.extend(50 * MIB), false);
  assert.deepEqual([run.position, run.digest], [MIB, digest(1, MIB)]);
  await Deno.writeFile(path, BYTES);
  assert.equal(await run.extend(50 * MIB, digest(1, 50 * MIB)), true);
  await run.close();
});

Deno.test("extend() rejects if the file cannot be read, and the hasher stays usable", async () => {
  await using dir = await scratch();
  using hasher = new Hasher();
  await assert.rejects(hasher.follow(`${dir.path}/none`, 0).extend(1), {
    kind: "local",
    message: /cannot read .*none/,
  });
  await assert.rejects(hasher.follow(dir.path, 0).extend(1), { kind: "local" });
  const run = hasher.follow(await file(dir), 0);
  assert.equal(await run.extend(10, digest(0, 10)), true);
  await run.close();
});

Deno.test("several runs over one file are independent", async () => {
  await using dir = await scratch();
  using hasher = new Hasher();
  const path = await file(dir);
  const runs = [0, 1, 33 * MIB, 60 * MIB].map((start) => hasher.follow(path, start));
  await Promise.all(runs.map(async (run) => {
    for (let end = run.start + 3 * MIB; end < run.start + 20 * MIB; end += 7 * MIB) {
      assert.equal(await run.extend(end), true);
      assert.equal(run.digest, digest(run.start, end));
    }
    await run.close();
  }));
});

Deno.test("an urgent request overtakes all waiting ones", async () => {
  await using dir = await scratch();
  using hasher = new Hasher();
  const path = await file(dir);
  const order: string[] = [];
  const normal = Array.from({ length: 6 }, async (_, i) => {
    const run = hasher.follow(path, 0);
    await run.extend(60 * MIB);
    order.push(`normal ${i}`);
    await run.close();
  });
  const run = hasher.follow(path, 0);
  await run.extend(60 * MIB, undefined, true);
  order.push("urgent");
  await run.close();
  await Promise.all(normal);
  assert.equal(order[0], "urgent");
});

Deno.test("close() ends a pending extend() at its next slice, and later ones at once", async () => {
  await using dir = await scratch();
  using hasher = new Hasher();
  const run = hasher.follow(await file(dir), 0);
  const extended = run.extend(BYTES.length);
  await run.close();
  assert.equal(await extended, false);
  assert.equal(await run.extend(BYTES.length), false);
});

Deno.test("disposing the hasher rejects pending and later requests", async () => {
  await using dir = await scratch();
  const hasher = new Hasher();
  const path = await file(dir);
  const waiting = [1, 2, 3, 4].map((n) => hasher.follow(path, n).extend(BYTES.length));
  hasher[Symbol.dispose]();
  for (const result of await Promise.allSettled(waiting)) assert.equal(result.status, "rejected");
  const late = hasher.follow(path, 0);
  await assert.rejects(late.extend(1), { kind: "internal" });
  await late.close();
  hasher[Symbol.dispose]();
});
