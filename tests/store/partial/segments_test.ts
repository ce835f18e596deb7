import assert from "node:assert/strict";
import fc from "fast-check";
import { total } from "../../../src/core/ranges.ts";
import { Segments } from "../../../src/store/partial/segments.ts";

const SIZE = 64;
const range = fc.tuple(fc.nat(SIZE), fc.nat(SIZE))
  .map(([a, b]) => ({ start: Math.min(a, b), end: Math.max(a, b) }))
  .filter(({ start, end }) => start < end);
const origin = fc.constantFrom("registry", "live", "adopted" as const);

type Op =
  | { do: "add"; range: { start: number; end: number }; from: "registry" | "live" | "adopted" }
  | { do: "cut"; range: { start: number; end: number } }
  | { do: "join"; at: number }
  | { do: "drop" };

const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("add" as const), range, from: origin }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("cut" as const), range }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("join" as const), at: fc.nat(SIZE) }) },
  { weight: 1, arbitrary: fc.constant({ do: "drop" as const }) },
) as fc.Arbitrary<Op>;

Deno.test("Segments hold exactly the bytes that a map of single bytes would", () => {
  fc.assert(
    fc.property(fc.array(op, { maxLength: 30 }), (ops) => {
      const segments = new Segments();
      /** For each byte who brought it: it is there as long as one of them is. */
      const map: Set<string>[] = Array.from({ length: SIZE }, () => new Set());
      const bytesOf = ({ start, end }: { start: number; end: number }) => map.slice(start, end);
      for (const step of ops) {
        if (step.do === "add") {
          segments.add(step.range, step.from);
          for (const byte of bytesOf(step.range)) byte.add(step.from);
        } else if (step.do === "cut") {
          const there = bytesOf(step.range).filter((byte) => byte.size > 0).length;
          assert.equal(segments.cut(step.range), there);
          for (const byte of bytesOf(step.range)) byte.clear();
        } else if (step.do === "join") {
          segments.join(step.at);
        } else {
          segments.remove(({ from }) => from !== "registry");
          for (const byte of map) for (const from of ["live", "adopted"]) byte.delete(from);
        }
        assertSame(segments, map);
      }
    }),
    { numRuns: 300 },
  );
});

function assertSame(segments: Segments, map: readonly Set<string>[]): void {
  const there = map.map((byte) => byte.size > 0);
  const have = segments.have();
  assert.equal(total(have), there.filter(Boolean).length);
  for (const { start, end } of have) assert.ok(there.slice(start, end).every(Boolean));
  for (let from = 0; from < SIZE; from++) {
    let reach = from;
    while (there[reach]) reach++;
    assert.equal(segments.reach(from), reach);
  }
}

Deno.test("cut() leaves a writer its place at the end", () => {
  const segments = new Segments();
  const open = segments.add({ start: 0, end: 50 }, "registry", { open: true });
  assert.equal(segments.cut({ start: 10, end: 60 }), 40);
  assert.equal(open.end, 50);
  open.end = 70;
  assert.deepEqual(segments.have(), [{ start: 0, end: 10 }, { start: 50, end: 70 }]);
});

Deno.test("cut() forgets the proof of what it shortens", () => {
  const segments = new Segments();
  const digest = `sha256:${"0".repeat(64)}` as const;
  segments.add({ start: 0, end: 50 }, "registry", { proof: { end: 50, digest } });
  segments.cut({ start: 20, end: 30 });
  assert.deepEqual(segments.list.map(({ proof }) => proof), [undefined, undefined]);
});

Deno.test("join() keeps apart what is written to, noted live or doubtful", () => {
  const segments = new Segments();
  segments.add({ start: 0, end: 10 }, "registry");
  segments.add({ start: 10, end: 20 }, "registry");
  segments.add({ start: 20, end: 30 }, "adopted");
  segments.add({ start: 30, end: 40 }, "registry", { open: true });
  segments.add({ start: 40, end: 50 }, "registry", { slot: { start: 40, position: 50, line: 0 } });
  segments.add({ start: 50, end: 60 }, "registry");
  segments.join(55);
  assert.deepEqual(
    segments.list.map(({ start, end }) => [start, end]).sort((a, b) => a[0]! - b[0]!),
    [[0, 20], [20, 30], [30, 40], [40, 50], [50, 60]],
  );
});
