import assert from "node:assert/strict";
import fc from "fast-check";
import { type Digest, digestOf } from "../../src/core/digest.ts";
import { missing, type Range, subtract, tile, total, union } from "../../src/core/ranges.ts";
import type { Ingest } from "../../src/core/content.ts";
import { type Assignment, BlobPlan } from "../../src/transfer/blob_plan.ts";

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

function workOn(size: number, chunkSize: number, have: readonly Range[] = []): BlobPlan {
  const ref = { digest: DIGEST, size, index: 1, count: 1 };
  const blob = { digest: DIGEST, size, mediaType: "x" };
  return new BlobPlan(ref, blob, ingestWith(size, have), tile(size, chunkSize), 0);
}

Deno.test("BlobWork hands out each missing byte once, whoever takes, shares and leaves", () => {
  const sizes = fc.integer({ min: 1, max: 300 * MIB });
  const step = fc.record({
    what: fc.constantFrom("take", "share", "advance", "leave", "finish"),
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
        const work = workOn(size, Math.max(chunkSize, Math.ceil(size / 500)), have);
        const fetched: Range[] = [];
        const jobs: Assignment[] = [];
        let now = 0;
        const advance = (job: Assignment, to: number) => {
          if (to > job.position) fetched.push({ start: job.position, end: to });
          job.position = Math.max(job.position, to);
        };
        const check = (job: Assignment | undefined) => {
          if (!job) return;
          assert.ok([job.start, job.position, job.end].every(Number.isSafeInteger));
          assert.ok(job.start < job.end && job.position === job.start);
          jobs.push(job);
        };
        for (const { what, which, part } of steps) {
          now += 3000;
          const job = jobs[which % Math.max(1, jobs.length)];
          if (what === "take") check(work.take(part < 0.2 ? Infinity : part * 40 * MIB, now));
          else if (what === "share") check(work.share(now));
          else if (job && what === "advance") {
            advance(job, Math.floor(job.position + part * (job.end - job.position)));
          } else if (job && what !== "advance") {
            if (what === "finish") advance(job, job.end);
            work.leave(job);
            jobs.splice(jobs.indexOf(job), 1);
          }
        }
        for (const job of jobs) {
          advance(job, job.end);
          work.leave(job);
        }
        for (let job = work.take(Infinity, now); job; job = work.take(Infinity, now)) {
          advance(job, job.end);
          work.leave(job);
        }
        assert.ok(work.done);
        assert.equal(work.left, 0);
        assert.deepEqual(union(fetched), subtract([{ start: 0, end: size }], have));
        assert.equal(total(fetched), size - total(have), "a byte was handed out twice");
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("BlobWork begins with shorter pieces, so that the hash of the whole can follow", () => {
  const work = workOn(4096 * MIB, 1024 * MIB);
  const lengths = Array.from({ length: 12 }, () => {
    const job = work.take(Infinity, 0)!;
    return job.end - job.start;
  });
  assert.deepEqual(lengths, lengths.toSorted((a, b) => a - b));
  assert.ok(lengths[0]! <= 32 * MIB && lengths[11]! >= 4 * lengths[0]!, `${lengths}`);
});

Deno.test("BlobWork shares what the slowest connection has in hand, and nothing that is not worth it", () => {
  const work = workOn(16 * MIB, 8 * MIB);
  const fast = work.take(8 * MIB, 0)!;
  const slow = work.take(8 * MIB, 0)!;
  fast.position = fast.end - 3 * MIB;
  slow.position = slow.start + 1000;
  assert.equal(work.share(500), undefined, "that cannot be told yet");
  const end = slow.end;
  const shared = work.share(5000)!;
  assert.equal(shared.end, end);
  assert.equal(slow.end, shared.start);
  assert.ok(slow.end > slow.position);
});

Deno.test("BlobWork of a server without ranges is in one hand, and goes on in one stream", () => {
  const work = workOn(32 * MIB, 8 * MIB);
  work.single = true;
  const job = work.take(Infinity, 0)!;
  assert.equal(job.start, 0);
  assert.equal(work.take(Infinity, 0), undefined);
  assert.equal(work.share(60_000), undefined);
  job.position = job.end;
  let at = job.end;
  for (let next = work.takeFrom(at, 0); next; next = work.takeFrom(at, 0)) {
    assert.equal(next.start, at);
    at = next.position = next.end;
    work.leave(next);
  }
  assert.equal(at, 32 * MIB);
  work.leave(job);
  assert.ok(work.done);
});
