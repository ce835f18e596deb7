import assert from "node:assert/strict";
import type { BlobRef, PullEvent } from "../../../src/core/events.ts";
import { PullamaError } from "../../../src/core/errors.ts";
import { glyphs, width } from "../../../src/ui/terminal/draw.ts";
import { foldActiveBlobs } from "../../../src/ui/progress/active_blobs.ts";
import { paintWith } from "../../../src/ui/terminal/paint.ts";
import { foldProgress } from "../../../src/ui/progress/progress.ts";
import { liveRegionLines } from "../../../src/ui/progress/live_region.ts";
import { type FakeClock, fakeClock } from "../fake_clock.ts";
import { digest, EVERY_EVENT, MODEL, NAME, RESET } from "../pull_events.ts";

interface Region {
  readonly clock: FakeClock;
  show(...events: readonly PullEvent[]): void;
  lines(cells?: number, rows?: number): string[];
}

function region(unicode = true): Region {
  const clock = fakeClock();
  const progress = foldProgress(clock);
  const activeBlobs = foldActiveBlobs(clock);
  return {
    clock,
    show(...events) {
      for (const event of events) {
        progress.fold(event);
        activeBlobs.fold(event);
      }
    },
    lines(cells = 90, rows = 20) {
      const view = { progress, activeBlobs, now: clock.now(), host: NAME.host };
      return liveRegionLines(view, cells, rows, glyphs(unicode), paintWith(false));
    },
  };
}

const GB = 1_000_000_000;
const BIG: readonly BlobRef[] = ["b", "c", "e", "f"].map((digit, i) => ({
  digest: digest(digit),
  size: (i + 1) * GB,
  index: i + 1,
  count: 4,
}));
const START: PullEvent = { event: "pull_start", name: NAME };
const MANIFEST: PullEvent = {
  event: "manifest",
  digest: digest("a"),
  blobs: 4,
  size: 10 * GB,
  kept: 0,
};

function start(blob: BlobRef, kept = 0): PullEvent {
  return { event: "blob_start", blob, kept };
}

function chunk(blob: BlobRef, end = false): PullEvent {
  const range = { start: 0, end: 64_000_000 };
  return { event: end ? "chunk_end" : "chunk_start", digest: blob.digest, range };
}

function bytes(blob: BlobRef, count: number): PullEvent {
  return { event: "bytes", digest: blob.digest, count };
}

Deno.test("liveRegionLines() shows a line for every active blob, with its progress and connections", async (t) => {
  const { show, clock, lines } = region();
  show(START, MANIFEST, start(BIG[0]!), start(BIG[1]!, 1.26 * GB), start(BIG[2]!));
  show(chunk(BIG[0]!), chunk(BIG[0]!), chunk(BIG[1]!), chunk(BIG[1]!), chunk(BIG[1]!));
  for (let i = 0; i < 50; i++) {
    show(bytes(BIG[0]!, 8_000_000), bytes(BIG[1]!, 4_000_000));
    clock.advance(100);
  }
  show(chunk(BIG[1]!, true));
  await t.assertSnapshot(lines().join("\n"));
  await t.assertSnapshot(lines(56).join("\n"));
  await t.assertSnapshot(lines(24).join("\n"));
});

Deno.test("liveRegionLines() in ASCII", async (t) => {
  const { show, clock, lines } = region(false);
  show(START, MANIFEST, start(BIG[0]!, 630_000_000), {
    ...EVERY_EVENT.stall,
    digest: BIG[0]!.digest,
  });
  clock.advance(400);
  assert.match(lines().join("\n"), /^[\n\x20-\x7e]*$/);
  await t.assertSnapshot(lines().join("\n"));
});

Deno.test("liveRegionLines() counts down to the next attempt, and shows when it has started", () => {
  const { show, clock, lines } = region();
  show(START, MANIFEST, start(BIG[0]!), chunk(BIG[0]!));
  const states = (of: Region["lines"]) => of(80)[1]?.replace(/^.*% {2}/, "");
  show({
    event: "retry",
    digest: BIG[0]!.digest,
    attempt: 2,
    limit: 6,
    waitMs: 3_500,
    error: RESET,
  });
  const seen = [];
  for (let i = 0; i < 6; i++) {
    seen.push(states(lines));
    clock.advance(1_000);
  }
  show(bytes(BIG[0]!, GB / 10));
  seen.push(states(lines));
  assert.deepEqual(seen, [
    "! retry 2/6 in 4 s: connection reset",
    "! retry 2/6 in 3 s: connection reset",
    "! retry 2/6 in 2 s: connection reset",
    "! retry 2/6 in 1 s: connection reset",
    "! retry 2/6 now: connection reset",
    "! retry 2/6 now: connection reset",
    "100 MB/1 GB",
  ]);
});

Deno.test("liveRegionLines() still shows a retry while another connection receives bytes", () => {
  const { show, lines } = region();
  const [blob] = BIG;
  show(START, MANIFEST, start(blob!), chunk(blob!), chunk(blob!));
  const busy = new PullamaError("unavailable", "cdn.example is temporarily unavailable (429)", {
    retryAfterMs: 12_000,
  });
  show({ event: "retry", digest: blob!.digest, attempt: 1, limit: 6, waitMs: 12_000, error: busy });
  show(bytes(blob!, 5_000_000));
  assert.match(lines(80)[1] ?? "", /! 429, waiting 12 s \(retry 1\/6\)$/);
});

Deno.test("liveRegionLines() shows how long no data was received, until bytes arrive again", () => {
  const { show, clock, lines } = region();
  show(START, MANIFEST, start(BIG[0]!), EVERY_EVENT.waiting);
  clock.advance(12_000);
  assert.equal(lines(80)[1], "│ ! no data received for 3m12s, still retrying: connection reset");
  show(bytes(BIG[0]!, 1));
  assert.doesNotMatch(lines(80).join("\n"), /still retrying/);
});

Deno.test("liveRegionLines() shows the host while a response is slow, and why a request is retried", () => {
  const { show, clock, lines } = region();
  show(START);
  assert.deepEqual(lines(), []);
  clock.advance(2_000);
  assert.deepEqual(lines(), ["│ waiting for registry.ollama.ai · 2 s"]);
  show({ event: "retry", digest: undefined, attempt: 1, limit: 6, waitMs: 900, error: RESET });
  assert.deepEqual(lines(), [
    "│ waiting for registry.ollama.ai · 2 s",
    "│ ! retry 1/6 in 1 s: connection reset",
  ]);
});

Deno.test("liveRegionLines() shows what a blob waits for: a lock, a connection, verification, data", () => {
  const { show, clock, lines } = region();
  show(START, MANIFEST);
  show({ event: "lock_wait", digest: BIG[0]!.digest, holder: "pid 4711 on host" });
  show(start(BIG[1]!), chunk(BIG[1]!), bytes(BIG[1]!, 2 * GB), chunk(BIG[1]!, true));
  show(start(BIG[2]!), start(BIG[3]!), chunk(BIG[3]!));
  show({ event: "verifying", digest: MODEL.digest, done: 450_000_000, size: GB });
  clock.advance(400);
  const states = () => lines(80).slice(1).map((line) => line.replace(/^│ +([0-9a-f])\w+ /, "$1 "));
  assert.deepEqual(states(), [
    "b ! waiting for another process (pid 4711 on host)",
    "c ████████████ 100%  2 GB/2 GB · verifying",
    "e ░░░░░░░░░░░░   0%  0 B/3 GB · waiting",
    "f ░░░░░░░░░░░░   0%  0 B/4 GB · 1 connection",
    "d █████▍░░░░░░  45%  450 MB/1 GB · verifying",
  ]);
  clock.advance(7_000);
  assert.equal(states()[3], "f ░░░░░░░░░░░░   0%  0 B/4 GB · no data received for 7 s");
});

Deno.test("liveRegionLines() stays short for 20,000 blobs, and shows those with problems first", () => {
  const { show, clock, lines } = region();
  const count = 20_000;
  const blob = (index: number): BlobRef => ({
    digest: `sha256:${index.toString(16).padStart(64, "0")}`,
    size: 100_000,
    index,
    count,
  });
  show(START, {
    event: "manifest",
    digest: digest("a"),
    blobs: count,
    size: count * 100_000,
    kept: 0,
  });
  for (let i = 1; i <= 12_000; i++) show({ event: "blob_cached", blob: blob(i) });
  for (let i = 12_001; i <= 12_064; i++) show(start(blob(i)));
  for (let i = 12_010; i < 12_030; i++) {
    show({
      event: "retry",
      digest: blob(i).digest,
      attempt: 1,
      limit: 6,
      waitMs: 2e3,
      error: RESET,
    });
  }
  clock.advance(1_000);
  assert.equal(lines(80, 40).length, 1 + 6 + 1);
  assert.equal(lines(80, 40).filter((line) => line.includes("retry 1/6")).length, 6);
  assert.equal(lines(80, 40).at(-1), "│   12,000 of 20,000 blobs done · 58 more in progress");
  for (let rows = 1; rows < 10; rows++) assert.ok(lines(80, rows).length <= rows);
});

Deno.test("liveRegionLines() never exceeds the given width", () => {
  for (let cells = 1; cells < 300; cells++) {
    for (const unicode of [true, false]) {
      const { show, clock, lines } = region(unicode);
      show(START, MANIFEST, start(BIG[0]!), EVERY_EVENT.waiting, EVERY_EVENT.verifying);
      show(EVERY_EVENT.lock_wait, EVERY_EVENT.retry, start(BIG[1]!), EVERY_EVENT.stall);
      clock.advance(500);
      const widest = Math.max(...lines(cells).map(width));
      assert.ok(widest <= Math.max(cells, 2), `${widest} of ${cells}`);
    }
  }
});

Deno.test("foldActiveBlobs() handles a million events quickly, and drops finished blobs", () => {
  const clock = fakeClock();
  const activeBlobs = foldActiveBlobs(clock);
  activeBlobs.fold(START);
  activeBlobs.fold(MANIFEST);
  for (const blob of BIG) activeBlobs.fold(start(blob));
  for (let i = 0; i < 1_000_000; i++) activeBlobs.fold(bytes(BIG[i % 4]!, 1));
  assert.equal(activeBlobs.count, 4);
  for (const blob of BIG) activeBlobs.fold({ event: "blob_verified", blob, elapsedMs: 1 });
  activeBlobs.fold({ ...EVERY_EVENT.retry, digest: BIG[0]!.digest });
  assert.equal(activeBlobs.count, 0, "an event after the end is ignored");
  assert.equal(activeBlobs.finished, 4);
});
