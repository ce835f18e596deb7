import assert from "node:assert/strict";
import fc from "fast-check";
import { digestOf } from "../../../src/core/digest.ts";
import { type Chunk, total, union } from "../../../src/core/ranges.ts";
import { type ChunkListResult, readChunkList } from "../../../src/registry/api/chunksums_format.ts";
import { lyingList, WRONG_LISTS } from "../../fakes/faults.ts";

const KiB = 1024;
const GiB = 1024 ** 3;
const WHOLE = digestOf("f".repeat(64));

/** A digest for each number. */
function numbered(k: number) {
  return digestOf((0xabc000 + k).toString(16).padStart(64, "0"));
}

/** The result of readChunkList() for `text`, in pieces of `length`, and a blob of `size`. */
function read(text: string, size: number, length = 1 << 16): Promise<ChunkListResult> {
  const bytes = new TextEncoder().encode(text);
  const pieces = async function* () {
    for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
  };
  return readChunkList(pieces(), { mediaType: "x", digest: WHOLE, size });
}

/** The lines of a list whose chunks end at `ends`. */
function linesTo(...ends: readonly number[]): string[] {
  return ends.map((end, k) => `${numbered(k)} ${ends[k - 1] ?? 0}-${end - 1}\n`);
}

async function chunksIn(text: string, size: number, length?: number): Promise<readonly Chunk[]> {
  const list = await read(text, size, length);
  assert.ok("chunks" in list, JSON.stringify(list));
  return list.chunks;
}

async function problemIn(text: string, size: number): Promise<string> {
  const list = await read(text, size);
  assert.ok("problem" in list, "the list was accepted");
  return list.problem;
}

const RIGHT = linesTo(64 * KiB, 200 * KiB, 264 * KiB, 270_337);
const SIZE = 270_337;

Deno.test("readChunkList() returns each chunk with its digest and exclusive end", async () => {
  const [first, , , last, ...more] = await chunksIn(RIGHT.join(""), SIZE);
  assert.deepEqual(first, { start: 0, end: 64 * KiB, digest: numbered(0) });
  assert.deepEqual(last, { start: 264 * KiB, end: SIZE, digest: numbered(3) });
  assert.deepEqual(more, []);
});

Deno.test("readChunkList() accepts any split and spacing of the text", async () => {
  const text = RIGHT.join("");
  const expected = await chunksIn(text, SIZE);
  for (const length of [1, 2, 71, 72, 73, 100]) {
    assert.deepEqual(await chunksIn(text, SIZE, length), expected, `pieces of ${length}`);
  }
  for (const odd of [text.trimEnd(), `\n${text}\n\n`, text.replaceAll("\n", "\r\n")]) {
    assert.deepEqual(await chunksIn(odd, SIZE, 7), expected);
  }
  assert.deepEqual(await chunksIn(text.replaceAll(/\s/g, "\t "), SIZE), expected);
});

Deno.test("case 66: a complete list in any order is sorted", async () => {
  const shuffled = [2, 0, 3, 1].map((k) => RIGHT[k]!).join("");
  assert.deepEqual(await chunksIn(shuffled, SIZE), await chunksIn(RIGHT.join(""), SIZE));
});

for (const [what, wrong] of Object.entries(WRONG_LISTS)) {
  Deno.test(`case 65: a list with ${what} is rejected`, async () => {
    assert.match(
      await problemIn(wrong(RIGHT).join(""), SIZE),
      /^(gap|overlap|it ends|the last entry|entry \d+) /,
    );
  });
}

Deno.test("case 65: chunks are at least 64 KiB, except the last, and at most 4 GiB", async () => {
  await chunksIn(linesTo(64 * KiB, 64 * KiB + 1).join(""), 64 * KiB + 1);
  assert.match(
    await problemIn(linesTo(64 * KiB - 1, 256 * KiB).join(""), 256 * KiB),
    /smaller than 64 KiB/,
  );
  await chunksIn(linesTo(4 * GiB, 6 * GiB).join(""), 6 * GiB);
  assert.match(
    await problemIn(linesTo(4 * GiB + 1, 6 * GiB).join(""), 6 * GiB),
    /larger than 4 GiB/,
  );
});

Deno.test("case 65: a complete list cannot have more entries", async () => {
  const text = RIGHT.join("");
  assert.match(await problemIn(`${text}${WHOLE}`, SIZE), /incomplete/);
  assert.match(
    await problemIn(`${text}${WHOLE} ${SIZE}-${SIZE - 1}`, SIZE),
    /ends before it begins/,
  );
  assert.match(
    await problemIn(`${text}${WHOLE} ${SIZE}-${2 * SIZE}`, SIZE),
    /entry 5 extends beyond/,
  );
});

Deno.test("case 65: the digest of an only chunk is that of the blob", async () => {
  const [only] = await chunksIn(`${WHOLE} 0-99999`, 100_000);
  assert.deepEqual(only, { start: 0, end: 100_000, digest: WHOLE });
  assert.match(await problemIn(`${numbered(1)} 0-99999`, 100_000), /digest of its only chunk/);
});

Deno.test("case 68: readChunkList() does not verify the digests", async () => {
  const lying = await chunksIn(lyingList(RIGHT).join(""), SIZE);
  const honest = await chunksIn(RIGHT.join(""), SIZE);
  assert.deepEqual(lying.map(({ start }) => start), honest.map(({ start }) => start));
  lying.forEach(({ digest }, k) => assert.notEqual(digest, honest[k]!.digest));
});

Deno.test("readChunkList() stops at the first invalid line", async () => {
  let sent = 0;
  const pieces = async function* () {
    for (;;) {
      sent++;
      yield new TextEncoder().encode("<html>\n");
    }
  };
  const list = await readChunkList(pieces(), { mediaType: "x", digest: WHOLE, size: SIZE });
  assert.deepEqual([list, sent], [{ problem: "entry 1 does not begin with a digest" }, 1]);
});

Deno.test("readChunkList() limits the length of a word to that of a digest", async () => {
  let sent = 0;
  const pieces = async function* () {
    for (;;) {
      sent++;
      yield new TextEncoder().encode("a".repeat(40));
    }
  };
  const list = await readChunkList(pieces(), { mediaType: "x", digest: WHOLE, size: SIZE });
  assert.deepEqual([list, sent], [{ problem: "word longer than 71 characters" }, 2]);
});

Deno.test("case 67: a list has at most a million entries", async () => {
  const line = new TextEncoder().encode(`${numbered(1)} 0-${64 * KiB - 1}\n`);
  const thousand = new Uint8Array(1000 * line.length);
  for (let k = 0; k < 1000; k++) thousand.set(line, k * line.length);
  let sent = 0;
  const pieces = async function* () {
    for (;;) {
      sent++;
      yield thousand;
    }
  };
  const list = await readChunkList(pieces(), { mediaType: "x", digest: WHOLE, size: SIZE });
  assert.deepEqual([list, sent], [{ problem: "more than 1000000 entries" }, 1001]);
});

/** Ends of chunks that tile a blob. */
const tilings = fc.array(fc.integer({ min: 64 * KiB, max: 400 * KiB }), {
  minLength: 1,
  maxLength: 8,
}).map((lengths) => {
  let end = 0;
  return lengths.map((length) => end += length);
});

Deno.test("readChunkList() accepts every tiling, in any order and split anywhere", async () => {
  await fc.assert(fc.asyncProperty(
    tilings.chain((ends) =>
      fc.record({
        ends: fc.constant(ends),
        order: fc.shuffledSubarray(ends.map((_, k) => k), {
          minLength: ends.length,
          maxLength: ends.length,
        }),
        length: fc.integer({ min: 1, max: 300 }),
      })
    ),
    async ({ ends, order, length }) => {
      const lines = ends.length === 1 ? [`${WHOLE} 0-${ends[0]! - 1}\n`] : linesTo(...ends);
      const chunks = await chunksIn(order.map((k) => lines[k]!).join(""), ends.at(-1)!, length);
      assert.deepEqual(chunks.map(({ end }) => end), ends);
    },
  ));
});

Deno.test("readChunkList() never accepts a list that does not tile the blob exactly", async () => {
  const nudge = fc.integer({ min: -2, max: 2 });
  const odd = fc.constantFrom("", " ", "\n", "-", "0", "9", "sha256:", "x", "0-65535", "\u00a0");
  await fc.assert(
    fc.asyncProperty(
      tilings,
      fc.array(fc.tuple(fc.nat(), nudge, nudge), { maxLength: 2 }),
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 2 }), odd), { maxLength: 2 }),
      fc.option(fc.nat()),
      async (ends, nudges, edits, doubled) => {
        const ranges = ends.map((end, k) => ({ start: ends[k - 1] ?? 0, end }));
        for (const [at, first, last] of nudges) {
          const range = ranges[at % ranges.length]!;
          range.start += first;
          range.end += last;
        }
        if (doubled !== null) ranges.push({ ...ranges[doubled % ranges.length]! });
        let text = ranges.map(({ start, end }, k) => `${numbered(k)} ${start}-${end - 1}\n`).join(
          "",
        );
        for (const [at, cut, put] of edits) {
          const k = at % text.length;
          text = text.slice(0, k) + put + text.slice(k + cut);
        }
        const size = ends.at(-1)!;
        const list = await read(text, size);
        if ("problem" in list) return;
        assert.deepEqual(union(list.chunks), [{ start: 0, end: size }]);
        assert.equal(total(list.chunks), size);
        for (const { start, end, digest } of list.chunks) {
          assert.ok(
            start < end && text.includes(`${digest}`) && text.includes(`${start}-${end - 1}`),
          );
        }
      },
    ),
    { numRuns: 1000 },
  );
});
