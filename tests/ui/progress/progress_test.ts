import assert from "node:assert/strict";
import fc from "fast-check";
import type { BlobRef, PullEvent } from "../../../src/core/events.ts";
import { foldProgress } from "../../../src/ui/progress/progress.ts";
import { fakeClock } from "../fake_clock.ts";
import { CONFIG, digest, EVERY_EVENT, MODEL, TOTAL } from "../pull_events.ts";

Deno.test("foldProgress() counts cached, kept and fetched bytes, and not lost ones", () => {
  const progress = foldProgress(fakeClock());
  assert.equal(progress.total, undefined);
  progress.fold(EVERY_EVENT.manifest);
  progress.fold(EVERY_EVENT.blob_cached);
  progress.fold(EVERY_EVENT.blob_start);
  assert.equal(progress.total, TOTAL);
  assert.equal(progress.done, CONFIG.size + 19_000_000);
  assert.equal(progress.fetched, 0);
  progress.fold(EVERY_EVENT.bytes);
  assert.equal(progress.done, CONFIG.size + 1_019_000_000);
  assert.equal(progress.percent, 50);
  progress.fold(EVERY_EVENT.bytes_lost);
  assert.equal(progress.done, CONFIG.size + 955_000_000);
  assert.equal(progress.fetched, 1_000_000_000);
});

Deno.test("foldProgress() reaches 100% only when nothing is missing", () => {
  const progress = foldProgress(fakeClock());
  progress.fold({ event: "manifest", digest: digest("a"), blobs: 1, size: MODEL.size, kept: 0 });
  progress.fold({ event: "blob_start", blob: MODEL, kept: MODEL.size - 1 });
  assert.equal(progress.percent, 99);
  progress.fold({ event: "bytes", digest: MODEL.digest, count: 1 });
  assert.equal(progress.percent, 100);
});

Deno.test("foldProgress() starts at the kept bytes of the manifest event, and counts none twice", () => {
  const progress = foldProgress(fakeClock());
  progress.fold({ ...EVERY_EVENT.manifest, kept: 1_300_000_485 });
  assert.deepEqual([progress.done, progress.percent], [1_300_000_485, 64]);
  progress.fold(EVERY_EVENT.blob_cached);
  assert.equal(progress.done, 1_300_000_485);
  progress.fold({ event: "blob_start", blob: MODEL, kept: 1_300_000_000 });
  assert.equal(progress.done, 1_300_000_485);
  progress.fold({ event: "bytes", digest: MODEL.digest, count: 1_000_000 });
  assert.equal(progress.done, 1_301_000_485);
});

Deno.test("foldProgress() pauses instead of decreasing if fewer bytes were kept than reported", () => {
  const progress = foldProgress(fakeClock());
  progress.fold({ ...EVERY_EVENT.manifest, kept: 1_000_000_000 });
  progress.fold(EVERY_EVENT.blob_cached);
  progress.fold({ event: "blob_start", blob: MODEL, kept: 400_000_000 });
  assert.equal(progress.done, 1_000_000_000);
  progress.fold({ event: "bytes", digest: MODEL.digest, count: 500_000_000 });
  assert.equal(progress.done, 1_000_000_000);
  progress.fold({ event: "bytes", digest: MODEL.digest, count: 500_000_000 });
  assert.equal(progress.done, 1_400_000_000 + CONFIG.size);
});

Deno.test("foldProgress() shows 100% for a model without bytes", () => {
  const progress = foldProgress(fakeClock());
  progress.fold({ event: "manifest", digest: digest("a"), blobs: 0, size: 0, kept: 0 });
  assert.equal(progress.percent, 100);
});

Deno.test("foldProgress() is reset by the next pull", () => {
  const progress = foldProgress(fakeClock());
  progress.fold(EVERY_EVENT.manifest);
  progress.fold(EVERY_EVENT.blob_start);
  progress.fold(EVERY_EVENT.bytes);
  progress.fold(EVERY_EVENT.pull_start);
  assert.deepEqual([progress.total, progress.done, progress.fetched], [undefined, 0, 0]);
});

Deno.test("foldProgress() has no rate and no ETA until they are known", () => {
  const clock = fakeClock();
  const progress = foldProgress(clock);
  progress.fold(EVERY_EVENT.manifest);
  progress.fold({ event: "blob_start", blob: MODEL, kept: 0 });
  assert.equal(progress.rate(), undefined);
  for (let i = 0; i < 41; i++) {
    progress.fold({ event: "bytes", digest: MODEL.digest, count: 1_000_000 });
    if (i === 0) assert.equal(progress.rate(), undefined);
    if (i < 40) clock.advance(250);
  }
  assert.equal(Math.round(progress.rate() ?? 0), 4_000_000);
  assert.equal(Math.round((progress.etaMs() ?? 0) / 1_000), Math.round((TOTAL - 41e6) / 4e6));
});

Deno.test("foldProgress() drops the rate to 0 and has no ETA when no bytes arrive", () => {
  const clock = fakeClock();
  const progress = foldProgress(clock);
  progress.fold(EVERY_EVENT.manifest);
  progress.fold({ event: "blob_start", blob: MODEL, kept: 0 });
  for (let i = 0; i < 20; i++) {
    progress.fold({ event: "bytes", digest: MODEL.digest, count: 1_000_000 });
    clock.advance(250);
  }
  clock.advance(8_000);
  assert.equal(progress.rate(), 0);
  assert.equal(progress.etaMs(), undefined);
});

Deno.test("foldProgress() decreases only with bytes_lost, and never exceeds the total", () => {
  const blobs: BlobRef[] = [CONFIG, MODEL, { ...MODEL, digest: digest("e"), size: 70_000 }];
  const total = blobs.reduce((sum, blob) => sum + blob.size, 0);
  const blob = fc.constantFrom(...blobs);
  const count = fc.integer({ min: 0, max: 1_500_000_000 });
  const event: fc.Arbitrary<PullEvent> = fc.oneof(
    fc.record({ event: fc.constant("blob_cached" as const), blob }),
    fc.record({ event: fc.constant("blob_start" as const), blob, kept: count }),
    fc.record({
      event: fc.constant("bytes" as const),
      digest: blob.map((b) => b.digest),
      count,
    }),
    fc.record({
      event: fc.constant("bytes_lost" as const),
      digest: blob.map((b) => b.digest),
      count,
      reason: fc.constant("digest"),
    }),
    fc.record({
      event: fc.constant("blob_verified" as const),
      blob,
      elapsedMs: fc.constant(1),
    }),
  );
  const kept = fc.integer({ min: 0, max: total });
  fc.assert(fc.property(fc.array(event), kept, (events, kept) => {
    const progress = foldProgress(fakeClock());
    progress.fold({ event: "manifest", digest: digest("a"), blobs: 3, size: total, kept });
    let before = progress.done;
    for (const each of events) {
      progress.fold(each);
      if (each.event !== "bytes_lost") assert.ok(progress.done >= before);
      else assert.ok(progress.done <= before);
      assert.ok(progress.done >= 0 && progress.done <= total);
      assert.equal(progress.percent === 100, progress.done === total);
      before = progress.done;
    }
  }));
});
