import assert from "node:assert/strict";
import fc from "fast-check";
import { type Digest, digestOf } from "../../src/core/digest.ts";
import { missing, type Range, subtract, tile, total, union } from "../../src/core/ranges.ts";
import type { Ingest } from "../../src/core/content.ts";
import { type Assignment, BlobPlan } from "../../src/transfer/work/blob_plan.ts";
import { type Downloader } from "../../src/transfer/work/downloader.ts";

const MIB = 1 << 20;
const DIGEST: Digest = digestOf("0".repeat(64));

/** An ingest that only knows what was there at the beginning. */
function ingestWith(size: number, have: readonly Range[]): Ingest {
  const never = () => Promise.reject(new Error("not asked for"));
  return {
    blob: { digest: DIGEST, size, mediaType: "x" },
    kept: () => total(have),
    plan: (chunks) => missing(chunks, have),
    writer: never,
    checkpoint: never,
    seal: never,
    actual: undefined,
    dropDoubtful: never,
    matchingPrefix: never,
    forget: never,
    searched: 0,
    [Symbol.asyncDispose]: never,
  };
}

const FAST: Downloader = { rate: 10 * MIB, quietMs: 0 };

function planOf(
  size: number,
  chunkSize: number,
  have: readonly Range[] = [],
  window = Infinity,
): BlobPlan {
  const ref = { digest: DIGEST, size, index: 1, count: 1 };
  const blob = { digest: DIGEST, size, mediaType: "x" };
  const chunks = tile(size, chunkSize);
  const plan = new BlobPlan(ref, blob, ingestWith(size, have), chunks, { now: 0, window });
  plan.ranged = true;
  return plan;
}

Deno.test("BlobPlan hands out each missing byte once, whichever connections take, relieve, repeat and leave", () => {
  const sizes = fc.integer({ min: 1, max: 300 * MIB });
  const step = fc.record({
    what: fc.constantFrom("take", "relieve", "repeat", "overtake", "advance", "leave", "finish"),
    which: fc.nat(7),
    part: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(
      sizes,
      fc.constantFrom(64 * 1024, 1_000_003, 8 * MIB, 64 * MIB),
      fc.array(fc.tuple(fc.nat(300 * MIB), fc.nat(20 * MIB)), { maxLength: 4 }),
      fc.array(step, { maxLength: 60 }),
      (size, chunkSize, kept, steps) => {
        const have = union(kept.map(([start, length]) => ({
          start: Math.min(start, size),
          end: Math.min(start + length, size),
        })));
        const plan = planOf(size, Math.max(chunkSize, Math.ceil(size / 500)), have);
        const fetched: Range[] = [];
        let jobs: Assignment[] = [];
        const advance = (job: Assignment, to: number) => {
          // What is repeated is written by the first of the two until the other one has overtaken it.
          if (job.repeats) return;
          if (to > job.position) fetched.push({ start: job.position, end: to });
          job.position = Math.max(job.position, to);
        };
        const leave = (job: Assignment) => {
          jobs = jobs.filter((other) => other !== job);
          plan.leave(job);
        };
        const check = (job: Assignment | undefined) => {
          if (!job) return;
          assert.ok([job.start, job.position, job.end].every(Number.isSafeInteger));
          assert.ok(job.start < job.end && job.position === job.start);
          // As its connection does when it is told to yield.
          job.abort = () => leave(job);
          jobs.push(job);
        };
        for (const { what, which, part } of steps) {
          const job = jobs[which % Math.max(1, jobs.length)];
          if (what === "take") {
            check(plan.take(part < 0.2 ? Infinity : Math.ceil(part * 40 * MIB), FAST));
          } else if (!job) continue;
          else if (what === "advance") {
            advance(job, Math.floor(job.position + part * (job.end - job.position)));
          } else if (what === "overtake") {
            if (!plan.overtake(job)) leave(job);
          } else if (what === "relieve" || what === "repeat") {
            if (job.repeats || job.repeatedBy || job.end - job.position < 2) continue;
            const again = what === "repeat";
            const at = again ? job.position : job.end - 1 -
              Math.floor(part * (job.end - job.position - 2));
            check(plan.relieve({ of: job, at, again }, FAST));
          } else {
            if (what === "finish") advance(job, job.end);
            leave(job);
          }
        }
        for (const job of jobs.filter(({ repeats }) => repeats)) leave(job);
        for (const job of [...jobs]) {
          advance(job, job.end);
          leave(job);
        }
        for (let job = plan.take(Infinity, FAST); job; job = plan.take(Infinity, FAST)) {
          advance(job, job.end);
          plan.leave(job);
        }
        assert.ok(plan.done);
        assert.equal(plan.left, 0);
        assert.deepEqual(union(fetched), subtract([{ start: 0, end: size }], have));
        assert.equal(total(fetched), size - total(have), "a byte was handed out twice");
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("BlobPlan hands out pieces in order, and none beyond the window ahead of the first missing byte", () => {
  const plan = planOf(1024 * MIB, 64 * MIB, [], 40 * MIB);
  const pieces: Assignment[] = [];
  for (let next = plan.take(8 * MIB, FAST); next; next = plan.take(8 * MIB, FAST)) {
    pieces.push(next);
  }
  assert.deepEqual(pieces.map(({ start }) => start / MIB), [0, 8, 16, 24, 32]);
  pieces[1]!.position = pieces[1]!.end;
  plan.leave(pieces[1]!);
  assert.equal(plan.take(8 * MIB, FAST), undefined, "the first one holds up the rest");
  pieces[0]!.position += 3 * MIB;
  assert.equal(plan.take(8 * MIB, FAST)!.start, 40 * MIB);
});

Deno.test("BlobPlan hands out one range until it is known whether the server sends ranges", () => {
  const plan = planOf(32 * MIB, 8 * MIB);
  plan.ranged = undefined;
  const first = plan.take(MIB, FAST)!;
  assert.equal(plan.take(MIB, FAST), undefined);
  plan.ranged = true;
  assert.equal(plan.take(MIB, FAST)!.start, first.end);
});

Deno.test("BlobPlan of a server without ranges is downloaded by one connection, in one stream", () => {
  const plan = planOf(32 * MIB, 8 * MIB);
  plan.ranged = false;
  const job = plan.take(MIB, FAST)!;
  assert.equal(job.start, 0);
  assert.equal(plan.take(Infinity, FAST), undefined);
  job.position = job.end;
  let at = job.end;
  for (let next = plan.takeFrom(at, FAST); next; next = plan.takeFrom(at, FAST)) {
    assert.equal(next.start, at);
    at = next.position = next.end;
    plan.leave(next);
  }
  assert.equal(at, 32 * MIB);
  plan.leave(job);
  assert.ok(plan.done);
});

Deno.test("a repeated range belongs to the connection on which its bytes arrive", () => {
  const plan = planOf(8 * MIB, 8 * MIB);
  const slow = plan.take(Infinity, { rate: 1, quietMs: 5000 })!;
  let yielded = false;
  slow.abort = () => yielded = true;
  slow.position = 5;
  const repeat = plan.relieve({ of: slow, at: 5, again: true }, FAST);
  slow.position = 7;
  assert.ok(plan.overtake(repeat));
  assert.deepEqual([repeat.position, slow.end, yielded], [7, 7, true]);
  plan.leave(slow);
  assert.equal(plan.left, slow.plan.blob.size - repeat.end, "what was not requested again");
  assert.equal(repeat.end, 5 + MIB);
});

Deno.test("a repeated range that arrives after all ends the repetition", () => {
  const plan = planOf(8 * MIB, 8 * MIB);
  const slow = plan.take(Infinity, FAST)!;
  const repeat = plan.relieve({ of: slow, at: 0, again: true }, FAST);
  let yielded = false;
  repeat.abort = () => yielded = true;
  slow.position = slow.end;
  plan.leave(slow);
  assert.ok(yielded);
  assert.ok(!plan.overtake(repeat));
  plan.leave(repeat);
  assert.ok(plan.done);
});
