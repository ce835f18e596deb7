/** Whole pulls on real terminals, checked after every single write. */

import assert from "node:assert/strict";
import fc from "fast-check";
import type { BlobRef, PullEvent } from "../../../src/core/events.ts";
import { createRenderer } from "../../../src/ui/pull/modes.ts";
import type { Renderer, RenderOptions } from "../../../src/ui/pull/renderer.ts";
import { type FakeClock, fakeClock } from "../fake_clock.ts";
import { colorTerminal, type FakeTerminal } from "../fake_terminal.ts";
import { digest, EVERY_EVENT, RESET } from "../pull_events.ts";
import { Screen } from "../screen.ts";

const WIDTHS = [20, 40, 80, 120, 300];
const MB = 1_000_000;

const BLOBS: readonly BlobRef[] = [485, 700 * MB, 800 * MB, 900 * MB].map((size, i) => ({
  digest: digest("3bcd"[i]!),
  size,
  index: i + 1,
  count: 4,
}));
const [CONFIG, ...SHARDS] = BLOBS as [BlobRef, ...BlobRef[]];
const TOTAL = BLOBS.reduce((sum, { size }) => sum + size, 0);
const MANIFEST = { ...EVERY_EVENT.manifest, blobs: BLOBS.length, size: TOTAL } as const;

/** A pull on a screen that is checked after every write. */
class Watched implements Disposable {
  readonly clock: FakeClock = fakeClock();
  readonly out: FakeTerminal;
  readonly screen: Screen;
  readonly #renderer: Renderer;
  #shown = 0;
  /** The lines above the bar at the last check. They must never change. */
  #past: readonly string[] = [];
  #done = 0;

  constructor(columns: number, options: Partial<RenderOptions> = {}) {
    this.out = colorTerminal(columns);
    this.screen = new Screen(columns);
    const all = { quiet: false, verbose: false, dryRun: false, ...options };
    this.#renderer = createRenderer("table", this.out, all, this.clock);
  }

  show(...events: readonly PullEvent[]): void {
    for (const event of events) {
      if (event.event === "bytes_lost") this.#done = 0;
      this.#renderer.event(event);
    }
  }

  close(): void {
    this.#renderer.close();
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      this.clock.advance(100);
      await this.check();
    }
  }

  async check(): Promise<void> {
    for (const text of this.out.writes.slice(this.#shown)) {
      await this.screen.write(text);
      this.#checkScreen();
    }
    this.#shown = this.out.writes.length;
  }

  resize(columns: number): void {
    this.out.resize(columns);
    this.screen.resize(columns, 24);
  }

  #checkScreen(): void {
    const { lines } = this.screen;
    const bars = lines.flatMap((line, i) => isBar(line) ? [i] : []);
    assert.ok(bars.length <= 1, `${bars.length} bars:\n${lines.join("\n")}`);
    const past = lines.slice(0, bars[0] ?? lines.length);
    const kept = this.#past.length <= past.length || bars.length === 0;
    assert.ok(kept, `lines are gone:\n${lines.join("\n")}`);
    assert.deepEqual(past.slice(0, this.#past.length), this.#past, "permanent lines have changed");
    if (bars.length > 0) {
      this.#past = past;
      const done = percentOf(lines[bars[0]!]!);
      assert.ok(done >= this.#done, `${done} % after ${this.#done} %`);
      this.#done = done;
    }
    for (const line of lines.slice(bars[0])) {
      assert.match(line, /^(?:│ .+|[╰╔╠╚╭]═*─*.*|║ .*║|▸ pullama)$/, "a torn line");
    }
    assert.ok(this.screen.atRest);
  }

  [Symbol.dispose](): void {
    this.screen[Symbol.dispose]();
  }
}

function isBar(line: string): boolean {
  return /^│ (?:\[[█▉▊▋▌▍▎▏░]*\] )? {0,2}\d+% {2}/.test(line);
}

function percentOf(line: string): number {
  return Number(/(\d+)%/.exec(line)?.[1]);
}

function bytes(blob: BlobRef, count: number): PullEvent {
  return { event: "bytes", digest: blob.digest, count };
}

function chunk(blob: BlobRef, end = false): PullEvent {
  const range = { start: 0, end: 64 * MB };
  return { event: end ? "chunk_end" : "chunk_start", digest: blob.digest, range };
}

/** A pull with every kind of problem. */
async function eventfulPull(watched: Watched): Promise<void> {
  watched.show(EVERY_EVENT.pull_start);
  await watched.pass(1_500);
  watched.show({ ...EVERY_EVENT.retry, digest: undefined }, { ...MANIFEST, kept: 450 * MB + 485 });
  watched.show({ event: "blob_cached", blob: CONFIG });
  const kept = [0, 450 * MB, 0];
  for (const [i, blob] of SHARDS.entries()) {
    watched.show({ event: "blob_start", blob, kept: kept[i]! }, chunk(blob), chunk(blob));
  }
  for (let tick = 0; tick < 60; tick++) {
    const blob = SHARDS[tick % 3]!;
    watched.show(bytes(blob, 10 * MB));
    const { digest } = blob;
    if (tick === 12) {
      watched.show({ event: "retry", digest, attempt: 2, limit: 6, waitMs: 4e3, error: RESET });
    }
    if (tick === 20) watched.show({ event: "stall", digest, silentMs: 12e3 });
    if (tick === 25) watched.show({ event: "bytes_lost", digest, count: 64 * MB, reason: "wrong" });
    if (tick === 30) watched.show(EVERY_EVENT.waiting);
    await watched.pass(100);
    if (tick === 35) await watched.screen.write("typed\r\n");
  }
  for (const blob of SHARDS) {
    watched.show(bytes(blob, blob.size), chunk(blob, true), chunk(blob, true));
    await watched.pass(300);
    watched.show({ event: "blob_verified", blob, elapsedMs: 9_000 });
    await watched.pass(100);
  }
  watched.show(EVERY_EVENT.manifest_written);
  watched.show({
    event: "pull_completed",
    summary: { ...EVERY_EVENT.pull_completed.summary, blobs: 4, size: TOTAL, fetched: TOTAL },
  });
  watched.close();
  await watched.check();
}

for (const columns of WIDTHS) {
  Deno.test(`tableRenderer() leaves no torn or stale lines on a screen of ${columns} columns`, async (t) => {
    using watched = new Watched(columns);
    await eventfulPull(watched);
    assert.ok(watched.screen.cursorShown);
    await t.assertSnapshot(watched.screen.lines.join("\n"));
  });
}

Deno.test("tableRenderer() starts at the right percentage if an earlier run left partial files", async () => {
  using watched = new Watched(80);
  watched.show(EVERY_EVENT.pull_start, { ...MANIFEST, kept: 0.63 * TOTAL });
  await watched.pass(100);
  assert.match(watched.screen.lines.at(-1) ?? "", /\] 63% {2}/);
  // The blobs start in the order of their size, each with its share of the kept bytes.
  for (const blob of SHARDS) {
    watched.show({ event: "blob_start", blob, kept: Math.round(0.63 * blob.size) });
    await watched.pass(100);
    assert.match(watched.screen.lines.find(isBar) ?? "", /\] 63% {2}/);
  }
});

Deno.test("tableRenderer() does not reach 100% by kept bytes that are not confirmed", async () => {
  using watched = new Watched(80);
  watched.show(EVERY_EVENT.pull_start, { ...MANIFEST, kept: TOTAL });
  watched.show({ event: "blob_cached", blob: CONFIG });
  watched.show({ event: "blob_start", blob: SHARDS[0]!, kept: 0 });
  await watched.pass(100);
  assert.equal(percentOf(watched.screen.lines.find(isBar) ?? ""), 99);
});

Deno.test("tableRenderer() shows the place among several pulls", async () => {
  using watched = new Watched(80, { place: () => "queue 2/3" });
  watched.show(EVERY_EVENT.pull_start);
  await watched.check();
  assert.match(watched.screen.lines[1] ?? "", /^╭─ pulling llama3\.2:latest · queue 2\/3 ─+╮$/);
});

Deno.test("tableRenderer() shows untrusted text safely: emoji, CJK, escape sequences", async () => {
  for (const columns of WIDTHS) {
    using watched = new Watched(columns);
    watched.show(EVERY_EVENT.pull_start, MANIFEST);
    for (const [i, blob] of SHARDS.entries()) {
      const holder = [
        "👨‍👩‍👧‍👦 🇩🇪 ❤️ 模型".repeat(3),
        "\x1b[2J\x1b[1;1H\r\n\x07",
        "\u202e\u200b日本",
      ][i]!;
      watched.show({ event: "lock_wait", digest: blob.digest, holder });
      await watched.pass(400);
    }
  }
});

/** Any event in the middle of a pull, including those of a faulty engine. */
const EVENT: fc.Arbitrary<PullEvent> = fc.oneof(
  fc.constantFrom(...BLOBS).chain((blob): fc.Arbitrary<PullEvent> => {
    const { digest } = blob;
    const count = fc.integer({ min: 0, max: 900 * MB });
    return fc.oneof(
      count.map((kept) => ({ event: "blob_start" as const, blob, kept })),
      count.map((count) => ({ event: "bytes" as const, digest, count })),
      count.map((done) => ({ event: "verifying" as const, digest, done, size: 900 * MB })),
      count.map((count) => ({ event: "bytes_lost" as const, digest, count, reason: "wrong" })),
      fc.constantFrom<PullEvent>(
        { event: "blob_cached", blob },
        { event: "blob_verified", blob, elapsedMs: 1 },
        { event: "stall", digest, silentMs: 12_000 },
        { event: "retry", digest, attempt: 1, limit: Infinity, waitMs: 900, error: RESET },
        { event: "lock_wait", digest, holder: undefined },
        chunk(blob),
        chunk(blob, true),
      ),
    );
  }),
  fc.constantFrom<PullEvent>(MANIFEST, EVERY_EVENT.waiting, EVERY_EVENT.checkpoint),
);

Deno.test("tableRenderer() keeps the screen intact with any events and any window size", async () => {
  const step = fc.oneof(
    { weight: 10, arbitrary: fc.array(EVENT, { maxLength: 8 }) },
    { weight: 2, arbitrary: fc.integer({ min: 40, max: 300 }) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 20, max: 300 }),
      fc.array(step, { maxLength: 25 }),
      fc.boolean(),
      async (columns, steps, verbose) => {
        using watched = new Watched(columns, { verbose });
        watched.show(EVERY_EVENT.pull_start, MANIFEST);
        for (const each of steps) {
          if (typeof each === "number") {
            await watched.check();
            watched.resize(each);
          } else watched.show(...each);
          await watched.pass(200);
        }
        watched.show(EVERY_EVENT.pull_interrupted);
        await watched.check();
        assert.ok(watched.screen.cursorShown);
        assert.match(watched.screen.lines.at(-1) ?? "", /^╰─*╯$/);
      },
    ),
    { numRuns: 50 },
  );
});
