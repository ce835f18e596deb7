import assert from "node:assert/strict";
import fc from "fast-check";
import {
  front,
  intersect,
  missing,
  type Range,
  subtract,
  tile,
  total,
  union,
} from "../../src/core/ranges.ts";

const ranges = (...pairs: readonly (readonly [number, number])[]): Range[] =>
  pairs.map(([start, end]) => ({ start, end }));

/** The reference model: the offsets in the ranges one by one. */
function bytesOf(list: readonly Range[]): Set<number> {
  const bytes = new Set<number>();
  for (const { start, end } of list) for (let at = start; at < end; at++) bytes.add(at);
  return bytes;
}

const sorted = (bytes: Iterable<number>) => [...bytes].sort((a, b) => a - b);

function assertCanonical(list: readonly Range[]): void {
  for (const [i, range] of list.entries()) {
    assert(range.start < range.end, "an empty range");
    assert(i === 0 || list[i - 1]!.end < range.start, "ranges that touch or are out of order");
  }
}

const anyRange = fc.tuple(fc.nat(40), fc.nat(12)).map(([start, length]) => ({
  start,
  end: start + length,
}));
const anyRanges = fc.array(anyRange, { maxLength: 8 });
const disjoint = anyRanges.map(union);

Deno.test("union() sorts, merges overlapping and adjacent ranges, and drops empty ones", () => {
  assert.deepEqual(union(ranges([5, 9], [0, 2], [2, 3], [7, 12], [4, 4])), ranges([0, 3], [5, 12]));
  assert.deepEqual(union([]), []);
  const given = Object.freeze(ranges([3, 4], [0, 3]));
  assert.deepEqual(union(given), ranges([0, 4]));
  assert.deepEqual(given, ranges([3, 4], [0, 3]));
});

Deno.test("subtract() leaves the parts before, between and after the removed ranges", () => {
  assert.deepEqual(
    subtract(ranges([0, 10], [20, 30]), ranges([2, 4], [8, 22], [29, 40])),
    ranges([0, 2], [4, 8], [22, 29]),
  );
  assert.deepEqual(subtract(ranges([0, 10]), ranges([0, 10])), []);
  assert.deepEqual(subtract(ranges([5, 10]), []), ranges([5, 10]));
});

Deno.test("intersect() returns the common parts", () => {
  assert.deepEqual(
    intersect(ranges([0, 10], [20, 30]), ranges([5, 25])),
    ranges([5, 10], [20, 25]),
  );
  assert.deepEqual(intersect(ranges([0, 5]), ranges([5, 9])), []);
});

Deno.test("total() counts the bytes", () => {
  assert.equal(total([]), 0);
  assert.equal(total(ranges([0, 10], [20, 2 ** 50])), 2 ** 50 - 10);
});

Deno.test("front() returns the end of the contiguous bytes from 0", () => {
  assert.equal(front([]), 0);
  assert.equal(front(ranges([1, 9])), 0);
  assert.equal(front(ranges([0, 4], [6, 9])), 4);
});

Deno.test("front() continues over adjacent ranges", () => {
  assert.equal(front(ranges([0, 64], [64, 128], [128, 130], [131, 140])), 130);
});

Deno.test("missing() never spans two chunks", () => {
  const chunks = tile(25, 10);
  assert.deepEqual(missing(chunks, []), ranges([0, 10], [10, 20], [20, 25]));
  assert.deepEqual(missing(chunks, ranges([3, 12], [20, 25])), ranges([0, 3], [12, 20]));
  assert.deepEqual(missing(chunks, ranges([0, 25])), []);
});

Deno.test("tile() covers the size with a shorter last chunk, and returns no chunks for size 0", () => {
  assert.deepEqual(tile(20, 10), ranges([0, 10], [10, 20]));
  assert.deepEqual(tile(21, 10), ranges([0, 10], [10, 20], [20, 21]));
  assert.deepEqual(tile(3, 10), ranges([0, 3]));
  assert.deepEqual(tile(0, 10), []);
});

Deno.test("union() contains exactly the bytes of its ranges", () => {
  fc.assert(fc.property(anyRanges, (list) => {
    const merged = union(list);
    assertCanonical(merged);
    assert.deepEqual(sorted(bytesOf(merged)), sorted(bytesOf(list)));
    assert.equal(total(merged), bytesOf(list).size);
  }));
});

Deno.test("subtract() and intersect() split a set into disjoint parts", () => {
  fc.assert(fc.property(disjoint, disjoint, (a, b) => {
    const without = subtract(a, b);
    const both = intersect(a, b);
    assertCanonical(without);
    assertCanonical(both);
    assert.deepEqual(sorted(bytesOf(without)), sorted(bytesOf(a).difference(bytesOf(b))));
    assert.deepEqual(sorted(bytesOf(both)), sorted(bytesOf(a).intersection(bytesOf(b))));
    assert.deepEqual(both, intersect(b, a));
    assert.deepEqual(union([...without, ...both]), a);
  }));
});

Deno.test("front() returns the offset of the first missing byte", () => {
  fc.assert(fc.property(disjoint, (have) => {
    const bytes = bytesOf(have);
    let first = 0;
    while (bytes.has(first)) first++;
    assert.equal(front(have), first);
  }));
});

Deno.test("missing() returns exactly the missing bytes, chunk by chunk", () => {
  const anyPlan = fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 20 }));
  fc.assert(fc.property(anyPlan, disjoint, ([size, length], have) => {
    const chunks = tile(size, length);
    const rest = missing(chunks, have);
    const whole = ranges([0, size]);
    assert.deepEqual(union(rest), subtract(whole, have));
    for (const range of rest) {
      assert(range.start < range.end);
      assert(chunks.some(({ start, end }) => start <= range.start && range.end <= end));
    }
  }));
});

Deno.test("tile() covers every byte once", () => {
  fc.assert(fc.property(fc.nat(200), fc.integer({ min: 1, max: 50 }), (size, length) => {
    const chunks = tile(size, length);
    assert.equal(total(chunks), size);
    assert.deepEqual(union(chunks), union(ranges([0, size])));
    for (const chunk of chunks.slice(0, -1)) assert.equal(chunk.end - chunk.start, length);
  }));
});
