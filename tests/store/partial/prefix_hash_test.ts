import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { digestOf } from "../../../src/core/digest.ts";
import type { Range } from "../../../src/core/ranges.ts";
import { Hasher } from "../../../src/io/hash.ts";
import type { PrefixDigest } from "../../../src/core/ranges.ts";
import { PrefixHash } from "../../../src/store/partial/prefix_hash.ts";
import { Segments } from "../../../src/store/partial/segments.ts";
import { World } from "../world.ts";

const MIB = 1024 * 1024;
const SIZE = 200 * MIB;

/** A sparse file and its hash front, over bytes that are there as far as `segments` say. */
class Bench implements AsyncDisposable {
  readonly hasher = new Hasher();
  readonly segments = new Segments();
  readonly wrong: Range[] = [];
  readonly path: string;
  front: PrefixHash;

  constructor(
    private readonly world: World,
    marks: readonly PrefixDigest[],
    have: readonly Range[],
  ) {
    this.path = `${world.root}/blob`;
    for (const range of have) this.segments.add(range, "registry");
    this.front = new PrefixHash(
      this.hasher,
      this.path,
      SIZE,
      marks,
      (from) => this.segments.reach(from),
      (range) => {
        this.wrong.push(range);
        this.segments.cut(range);
      },
    );
  }

  static async make(marks: readonly PrefixDigest[], have: readonly Range[]): Promise<Bench> {
    const bench = new Bench(await World.make(), marks, have);
    await Deno.writeFile(bench.path, new Uint8Array());
    await Deno.truncate(bench.path, SIZE);
    return bench;
  }

  write(offset: number, byte: number): void {
    using file = Deno.openSync(this.path, { write: true });
    file.seekSync(offset, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array([byte]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.front.stop();
    this.hasher[Symbol.dispose]();
    await this.world[Symbol.asyncDispose]();
  }
}

const ZEROS = marksOfZeros();

/** The digests of the first n times 10 MiB of zeros. */
function marksOfZeros(): PrefixDigest[] {
  const hash = createHash("sha256");
  const piece = new Uint8Array(10 * MIB);
  return Array.from({ length: SIZE / piece.length }, (_, n) => ({
    end: (n + 1) * piece.length,
    digest: digestOf(hash.update(piece).copy().digest("hex")),
  }));
}

const WHOLE = [{ start: 0, end: SIZE }];
const markAt = (mib: number): PrefixDigest => ZEROS[mib / 10 - 1]!;

Deno.test("Front hashes what is there and leaves a mark every 64 MiB and where it stands", async () => {
  await using bench = await Bench.make([], [{ start: 0, end: 130 * MIB }]);
  await bench.front.catchUp(130 * MIB);
  assert.deepEqual(bench.front.digests().map(({ end }) => end / MIB), [64, 128, 130]);
  assert.equal(bench.front.digests().at(-1)!.digest, markAt(130).digest);
  bench.segments.add({ start: 130 * MIB, end: SIZE }, "registry");
  await bench.front.catchUp(SIZE);
  assert.equal(bench.front.digest, markAt(200).digest);
  assert.deepEqual(bench.wrong, []);
});

Deno.test("Front meets the marks of an earlier run and keeps them", async () => {
  const marks = [markAt(50), markAt(100), markAt(150)];
  await using bench = await Bench.make(marks, WHOLE);
  assert.equal(bench.front.isClose, false, "old marks have to be met first");
  await bench.front.catchUp(SIZE);
  assert.deepEqual(bench.wrong, []);
  assert.deepEqual(bench.front.digests().slice(0, 3), marks);
  assert.equal(bench.front.digest, markAt(200).digest);
});

Deno.test("Front cuts a torn stretch once, waits for it and goes on from there", async () => {
  await using bench = await Bench.make([markAt(50), markAt(100), markAt(150)], WHOLE);
  bench.write(70 * MIB, 1);
  await bench.front.catchUp(SIZE);
  assert.deepEqual(bench.wrong, [{ start: 50 * MIB, end: 100 * MIB }]);
  assert.equal(bench.front.position, 50 * MIB);
  bench.write(70 * MIB, 0);
  bench.segments.add({ start: 50 * MIB, end: 100 * MIB }, "registry");
  await bench.front.catchUp(SIZE);
  assert.equal(bench.wrong.length, 1);
  assert.equal(bench.front.digest, markAt(200).digest);
});

Deno.test("Front stops believing marks when one does not hold for bytes fetched again", async () => {
  const lie: PrefixDigest = { end: 100 * MIB, digest: markAt(10).digest };
  await using bench = await Bench.make([markAt(50), lie, markAt(150)], WHOLE);
  await bench.front.catchUp(SIZE);
  assert.deepEqual(bench.wrong, [{ start: 50 * MIB, end: 100 * MIB }]);
  bench.segments.add({ start: 50 * MIB, end: 100 * MIB }, "registry");
  await bench.front.catchUp(SIZE);
  assert.equal(bench.wrong.length, 1, "the stretch is not fetched a third time");
  assert.equal(bench.front.digest, markAt(200).digest);
});

Deno.test("restart() forgets the marks after a position at once, and meets those before it", async () => {
  await using bench = await Bench.make([], WHOLE);
  bench.write(150 * MIB, 1);
  await bench.front.catchUp(SIZE);
  assert.ok(bench.front.hasPassed(150 * MIB));
  const again = bench.front.restart(150 * MIB);
  assert.deepEqual(bench.front.digests().map(({ end }) => end / MIB), [64, 128]);
  await again;
  bench.write(150 * MIB, 0);
  await bench.front.catchUp(SIZE);
  assert.deepEqual(bench.wrong, []);
  assert.equal(bench.front.digest, markAt(200).digest);
});

Deno.test("stop() does not wait for the rest of a long stretch", async () => {
  await using bench = await Bench.make([], WHOLE);
  bench.front.poke();
  await bench.front.stop();
  assert.ok(bench.front.position < SIZE);
});

Deno.test("catchUp() rejects when the file cannot be read", async () => {
  await using bench = await Bench.make([], WHOLE);
  await Deno.remove(bench.path);
  await assert.rejects(bench.front.catchUp(SIZE), { kind: "local", message: /cannot read/ });
});

Deno.test("catchUp() does not wait for bytes that arrive meanwhile", async () => {
  await using bench = await Bench.make([], []);
  let arrived = 8 * MIB;
  const front = new PrefixHash(
    bench.hasher,
    bench.path,
    SIZE,
    [],
    () => arrived = Math.min(SIZE, arrived + 8 * MIB),
    () => {},
  );
  await front.catchUp(8 * MIB);
  const { position } = front;
  await front.stop();
  assert.ok(position >= 8 * MIB && position < SIZE / 2, `${position / MIB} MiB`);
});
