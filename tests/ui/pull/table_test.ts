import assert from "node:assert/strict";
import type { BlobRef, PullEvent } from "../../../src/core/events.ts";
import { createRenderer } from "../../../src/ui/pull/modes.ts";
import type { Renderer, RenderOptions } from "../../../src/ui/pull/renderer.ts";
import { type FakeClock, fakeClock } from "../fake_clock.ts";
import { colorTerminal, type FakeTerminal, fakeTerminal, screenOf } from "../fake_terminal.ts";
import { digest, EVERY_EVENT, MODEL, SECRET } from "../pull_events.ts";

interface Shown {
  readonly out: FakeTerminal;
  readonly clock: FakeClock;
  readonly table: Renderer;
  show(...events: readonly PullEvent[]): void;
}

function table(out: FakeTerminal, options: Partial<RenderOptions> = {}): Shown {
  const clock = fakeClock();
  const all = { quiet: false, verbose: false, dryRun: false, ...options };
  const table = createRenderer("table", out, all, clock);
  return { out, clock, table, show: (...events) => events.forEach(table.event) };
}

const { pull_start, manifest, blob_cached, blob_start, manifest_written } = EVERY_EVENT;
const BEGINNING = [pull_start, manifest, blob_cached, blob_start];

function bytes(count: number): PullEvent {
  return { event: "bytes", digest: MODEL.digest, count };
}

/** A whole pull: 20 MB per tenth of a second. */
function pull({ show, clock, table }: Shown): void {
  show(...BEGINNING);
  for (let done = 19_000_000; done < MODEL.size; done += 20_000_000) {
    show(bytes(20_000_000));
    clock.advance(100);
  }
  show(EVERY_EVENT.blob_verified, manifest_written, EVERY_EVENT.pull_completed);
  table.close();
}

Deno.test("tableRenderer() ends with a frame with a line for every step, and a box", () => {
  const shown = table(colorTerminal());
  pull(shown);
  assert.deepEqual(screenOf(shown.out.text).rows, [
    "▸ pullama",
    "╭─ pulling llama3.2:latest ─────────────────────────────╮",
    "│ ✓ manifest · 2 blobs · 2.0 GB",
    "│ ◆ cached 333333333333 485 B [1/2]",
    "│ › dddddddddddd 2.0 GB [2/2] · resuming at 0%, 19 MB on disk",
    "│ ✓ verified dddddddddddd (4m02s)",
    "│ ✓ manifest written · aaaaaaaaaaaa",
    "╰───────────────────────────────────────────────────────╯",
    "╔═══════════════════════════════════════════════════════╗",
    "║ ✓ pulled llama3.2:latest                              ║",
    "╠═══════════════════════════════════════════════════════╣",
    "║ size 2.0 GB                                           ║",
    "║ downloaded 2.0 GB                                     ║",
    "║ blobs 2                                               ║",
    "║ elapsed 4m10s                                         ║",
    "║ avg rate 8.1 MB/s                                     ║",
    "║ ID aaaaaaaaaaaa                                       ║",
    "╚═══════════════════════════════════════════════════════╝",
  ]);
});

Deno.test("tableRenderer() shows a bar with percentage, size, rate and ETA while bytes arrive", () => {
  const { out, clock, show } = table(colorTerminal());
  show(...BEGINNING);
  for (let i = 0; i < 50; i++) {
    show(bytes(20_000_000));
    clock.advance(100);
  }
  assert.deepEqual(screenOf(out.text).rows.slice(-2), [
    "│ [██████████████▋░░░░░░░░░░░░░░] 50%  1.0 GB/2.0 GB · 200 MB/s · eta 5s",
    "│   dddddddddddd ██████░░░░░░  50%  1.0 GB/2.0 GB",
  ]);
});

Deno.test("tableRenderer() draws at most ten times per second, each time in one write", () => {
  const { out, clock, show } = table(colorTerminal());
  show(...BEGINNING);
  const before = out.writes.length;
  for (let i = 0; i < 1_000; i++) {
    show(bytes(1_000_000), EVERY_EVENT.stall);
    clock.advance(1);
  }
  assert.ok(out.writes.length - before <= 10, `${out.writes.length - before} writes`);
  for (const frame of out.writes) {
    assert.ok(frame.startsWith("\x1b[?2026h"));
    // A line feed before the end would split the write: stdout is line buffered.
    assert.ok(frame.endsWith("\x1b[?2026l\n"), JSON.stringify(frame.slice(-20)));
  }
});

Deno.test("tableRenderer() draws rarely while nothing changes", () => {
  const { out, clock, show } = table(colorTerminal());
  show(...BEGINNING);
  clock.advance(1_000);
  const before = out.writes.length;
  clock.advance(60_000);
  assert.ok(out.writes.length - before <= 60 * 4, `${out.writes.length - before} writes`);
});

Deno.test("tableRenderer() is never wider than the window", () => {
  for (let columns = 20; columns <= 300; columns++) {
    const shown = table(colorTerminal(columns), { verbose: true });
    for (const event of [...BEGINNING, bytes(20_000_000), ...Object.values(EVERY_EVENT)]) {
      shown.show(event);
      shown.clock.advance(1_000);
    }
    assert.ok(screenOf(shown.out.text).widest < columns, `at ${columns}`);
  }
});

Deno.test("tableRenderer() restores the screen however a pull ends", () => {
  const ends = [
    [EVERY_EVENT.pull_completed],
    [EVERY_EVENT.pull_interrupted],
    [EVERY_EVENT.pull_failed],
    [EVERY_EVENT.dry_run],
    [EVERY_EVENT.warning],
    [],
  ];
  for (const end of ends) {
    const { out, clock, show, table: renderer } = table(colorTerminal());
    show(...BEGINNING, bytes(1_000));
    clock.advance(100);
    show(...end);
    if (end.length === 0) renderer.close();
    const { rows, cursorShown } = screenOf(out.text);
    assert.ok(cursorShown);
    assert.ok(!rows.some((row) => /\] +\d+%/.test(row)), "live lines are left");
    renderer.close();
    assert.equal(clock.pending, 0, "a timer is left");
  }
});

Deno.test("tableRenderer() clears the live lines for a warning, and redraws them below it", () => {
  const { out, clock, show } = table(colorTerminal());
  show(...BEGINNING, bytes(1_000_000_000));
  clock.advance(100);
  show(EVERY_EVENT.warning);
  assert.equal(
    screenOf(out.text).rows.at(-1),
    "│ › dddddddddddd 2.0 GB [2/2] · resuming at 0%, 19 MB on disk",
  );
  out.write("warning: from elsewhere\n");
  clock.advance(100);
  const rows = screenOf(out.text).rows;
  const [warning, bar] = rows.slice(rows.indexOf("warning: from elsewhere"));
  assert.equal(warning, "warning: from elsewhere");
  assert.match(bar ?? "", /^│ \[.*50%/);
});

Deno.test("tableRenderer() shows why a pull is slow, both as a step and in the live lines", () => {
  const { out, clock, show } = table(colorTerminal());
  const { retry, stall, bytes_lost } = EVERY_EVENT;
  show(pull_start, manifest, blob_start, stall, retry, bytes_lost);
  clock.advance(1_500);
  assert.deepEqual(
    screenOf(out.text).rows.slice(4),
    [
      "│ ! dddddddddddd stalled 12 s, reconnecting",
      "│ ! dddddddddddd retry 2/6 in 4 s: connection reset",
      "│ ! dddddddddddd 64 MB to download again: the digest of a chunk does not match",
      "│ [░░░░░░░░░░░░░░░░░░░░░░░░░░░░░]  0%  0 B/2.0 GB",
      "│   dddddddddddd ░░░░░░░░░░░░   0%  ! stalled 12 s, reconnecting in 3 s (2/6)",
    ],
  );
});

Deno.test("tableRenderer() prints one line for a repeated problem, and counts it", () => {
  const { out, clock, show } = table(colorTerminal());
  show(...BEGINNING);
  for (let i = 0; i < 50; i++) {
    show(EVERY_EVENT.retry);
    clock.advance(500);
  }
  show(EVERY_EVENT.blob_verified, EVERY_EVENT.pull_completed);
  const { rows } = screenOf(out.text);
  assert.equal(rows.filter((row) => row.includes("retry 2/6 in 4 s")).length, 1);
  assert.ok(rows.some((row) => row.startsWith("║ problems 50 retries ")));
});

Deno.test("tableRenderer() shows which existing file is being verified", () => {
  const { out, clock, show } = table(colorTerminal(100));
  show(...BEGINNING, EVERY_EVENT.verifying);
  clock.advance(100);
  const bar = screenOf(out.text).rows.find((row) => row.startsWith("│ ["));
  assert.match(bar ?? "", / · verifying dddddddddddd 45%$/);
});

Deno.test("tableRenderer() shows checkpoints, requests and chunks only with --verbose, without secrets", () => {
  for (const verbose of [false, true]) {
    const { out, clock, show } = table(colorTerminal(), { verbose });
    const { checkpoint, request, chunk_start } = EVERY_EVENT;
    show(pull_start, checkpoint, request, chunk_start);
    clock.advance(100);
    assert.deepEqual(
      screenOf(out.text).rows.slice(2),
      verbose
        ? [
          "│ · dddddddddddd checkpoint · 1 GB on disk",
          "│ · GET https://cdn.example/blob · 206 · 31 ms",
          "│ · dddddddddddd chunk 0-63999999 · 64 MB",
        ]
        : [],
    );
    assert.ok(!out.text.includes(SECRET));
  }
});

Deno.test("tableRenderer() shows the whole request at any width, with a short digest", () => {
  const path = "/v2/library/llama3.2/blobs/sha256:";
  const url = `https://registry.ollama.ai${path}${"0123456789abcdef".repeat(4)}`;
  for (const columns of [30, 60, 120]) {
    const { out, clock, show } = table(colorTerminal(columns), { verbose: true });
    show(pull_start, { ...EVERY_EVENT.request, url });
    clock.advance(100);
    const text = screenOf(out.text).rows.slice(2).map((row) => row.slice(4)).join("");
    assert.equal(
      text.replaceAll(" ", ""),
      `GEThttps://registry.ollama.ai${path}0123456789ab·206·31ms`,
    );
  }
});

Deno.test("tableRenderer() shows no size after an interruption before the manifest", () => {
  const { out, clock, show } = table(colorTerminal());
  show(pull_start, { ...EVERY_EVENT.pull_interrupted, kept: 0, size: 0 });
  clock.advance(100);
  assert.equal(screenOf(out.text).rows[2], "│ · stopped");
});

Deno.test("tableRenderer() counts the small blobs of a model that has 20,000", () => {
  for (const out of [colorTerminal(), fakeTerminal()]) {
    const { clock, show } = table(out);
    const count = 20_000;
    show(pull_start, {
      event: "manifest",
      digest: digest("a"),
      blobs: count,
      size: 2_000_000_000,
      kept: 0,
    });
    for (let index = 1; index <= count; index++) {
      const hex = index.toString(16).padStart(64, "0");
      const size = index === count ? 1_000_000_000 : 50_000;
      const blob: BlobRef = { digest: `sha256:${hex}`, size, index, count };
      if (index % 2 === 0) {
        show({ event: "blob_start", blob, kept: 0 });
        show({ event: "bytes", digest: blob.digest, count: size });
        show({ event: "blob_verified", blob, elapsedMs: 10 });
      } else show({ event: "blob_cached", blob });
    }
    clock.advance(100);
    show(manifest_written);
    show({
      event: "pull_completed",
      summary: { ...EVERY_EVENT.pull_completed.summary, blobs: count },
    });
    const rows = out.interactive ? screenOf(out.text).rows : out.lines;
    assert.ok(rows.length < 40, `${rows.length} lines`);
    const counted = rows.filter((row) => row.includes("small blobs"));
    assert.equal(counted.length, 1);
    assert.match(counted[0] ?? "", /10,000 small blobs cached.*9,999 small blobs verified/);
    assert.equal(rows.filter((row) => row.includes("[20000/20000]")).length, 1);
  }
});

Deno.test("tableRenderer() writes no escape sequence and only ASCII with --no-color", () => {
  const shown = table(fakeTerminal({ interactive: true }));
  shown.show(...Object.values(EVERY_EVENT));
  pull(shown);
  assert.match(shown.out.text, /^[\r\n\x20-\x7e]*$/);
  assert.ok(screenOf(shown.out.text).widest < 80);
  assert.ok(screenOf(shown.out.text).rows.includes("| + manifest, 2 blobs, 2.0 GB"));
});

Deno.test("tableRenderer() updates the bar in place with --no-color", () => {
  const { out, clock, show } = table(fakeTerminal({ interactive: true }));
  show(...BEGINNING);
  for (let i = 0; i < 30; i++) {
    show(bytes(20_000_000));
    clock.advance(100);
  }
  const rows = screenOf(out.text).rows;
  assert.equal(rows.filter((row) => row.startsWith("| [")).length, 1);
});

Deno.test("tableRenderer() lists the blobs of a dry run", () => {
  const { out, clock, show } = table(colorTerminal(), { dryRun: true });
  show(pull_start);
  clock.advance(1_500);
  assert.equal(screenOf(out.text).rows.at(-1), "│ waiting for registry.ollama.ai · 1 s");
  show(manifest);
  clock.advance(1_500);
  assert.equal(screenOf(out.text).rows.at(-1), "│ ✓ manifest · 2 blobs · 2.0 GB");
  show(EVERY_EVENT.dry_run);
  assert.deepEqual(screenOf(out.text).rows.slice(1, -1), [
    "╭─ would pull llama3.2:latest ──────────────────────────╮",
    "│ ✓ manifest · 2 blobs · 2.0 GB",
    "│ · from registry.ollama.ai/library/llama3.2:latest",
    "│ ◆ cached 333333333333 485 B · config",
    "│ › would download dddddddddddd 2.0 GB · model · 1.3 GB cached",
    "│ · 719 MB of 2.0 GB to download · 1.3 GB cached",
    "│ ! not enough disk space · 300 MB free",
  ]);
});

Deno.test("tableRenderer() prints one header for several pulls, and a frame for each", () => {
  const shown = table(colorTerminal());
  pull(shown);
  pull(shown);
  const rows = screenOf(shown.out.text).rows;
  assert.equal(rows.filter((row) => row === "▸ pullama").length, 1);
  assert.equal(rows.filter((row) => row.startsWith("╭")).length, 2);
});

Deno.test("plainRenderer() prints an ASCII log with a line for every step", () => {
  const shown = table(fakeTerminal());
  shown.show(...BEGINNING);
  shown.show(EVERY_EVENT.retry, EVERY_EVENT.blob_verified, manifest_written);
  shown.show(EVERY_EVENT.pull_completed);
  assert.deepEqual(shown.out.lines, [
    "pulling llama3.2:latest",
    "manifest, 2 blobs, 2.0 GB",
    "cached 333333333333 485 B [1/2]",
    "dddddddddddd 2.0 GB [2/2], resuming at 0%, 19 MB on disk",
    "! dddddddddddd retry 2/6 in 4 s: connection reset",
    "verified dddddddddddd (4m02s)",
    "manifest written, aaaaaaaaaaaa",
    "pulled llama3.2:latest, 2.0 GB, 2 blobs, 4m10s, 8.1 MB/s, 1 retry, aaaaaaaaaaaa",
  ]);
});

Deno.test("plainRenderer() prints only ASCII and no cursor movement for any event", () => {
  const shown = table(fakeTerminal(), { verbose: true });
  shown.show(...Object.values(EVERY_EVENT));
  pull(shown);
  assert.match(shown.out.text, /^[\n\x20-\x7e]*$/);
});

Deno.test("plainRenderer() prints a progress line every 5%", () => {
  const { out, clock, show } = table(fakeTerminal());
  show(pull_start, manifest, { event: "blob_start", blob: MODEL, kept: 0 });
  for (let done = 0; done < MODEL.size; done += 1_000_000) {
    show(bytes(1_000_000));
    clock.advance(1);
  }
  const percents = out.lines.flatMap((line) => /^ *(\d+)%/.exec(line)?.[1] ?? []).map(Number);
  assert.deepEqual(
    percents,
    Array.from({ length: 19 }, (_, i) => 5 * i + 5).concat(percents.at(-1) === 100 ? [100] : []),
  );
});

Deno.test("plainRenderer() prints a progress line every ten seconds on a slow connection", () => {
  const { out, clock, show } = table(fakeTerminal());
  show(pull_start, manifest, { event: "blob_start", blob: MODEL, kept: 0 });
  for (let second = 0; second < 60; second++) {
    clock.advance(1_000);
    show(bytes(100_000));
  }
  const lines = out.lines.filter((line) => /^ *\d+%/.test(line));
  assert.equal(lines.length, 6);
  assert.match(lines.at(-1) ?? "", /^ 0% {2}6 MB\/2\.0 GB, 100 kB\/s, eta 5h35m$/);
});

Deno.test("plainRenderer() is brief in CI logs: a progress line every 10% or minute", () => {
  const fast = table(fakeTerminal({ brief: true }));
  fast.show(pull_start, manifest, { event: "blob_start", blob: MODEL, kept: 0 });
  for (let done = 0; done < MODEL.size; done += 10_000_000) {
    fast.show(bytes(10_000_000));
    fast.clock.advance(1);
  }
  assert.equal(fast.out.lines.filter((line) => /^ *\d+%/.test(line)).length, 9);
  const slow = table(fakeTerminal({ brief: true }));
  slow.show(pull_start, manifest, { event: "blob_start", blob: MODEL, kept: 0 });
  for (let second = 0; second < 300; second++) {
    slow.clock.advance(1_000);
    slow.show(bytes(100_000));
  }
  assert.equal(slow.out.lines.filter((line) => /^ *\d+%/.test(line)).length, 5);
});

Deno.test("plainRenderer() does not repeat the same problem for every connection", () => {
  const { out, clock, show } = table(fakeTerminal());
  show(...BEGINNING);
  for (let i = 0; i < 640; i++) {
    show(EVERY_EVENT.retry);
    clock.advance(100);
  }
  assert.equal(out.lines.filter((line) => line.includes("retry")).length, 3);
});

Deno.test("plainRenderer() uses colors only with FORCE_COLOR", () => {
  const { out, show } = table(fakeTerminal({ color: true }));
  show(...BEGINNING, EVERY_EVENT.retry);
  assert.equal(
    out.lines.at(-1),
    "\x1b[31m!\x1b[39m dddddddddddd retry 2/6 in 4 s: connection reset",
  );
  assert.match(out.text.replaceAll(/\p{Cc}\[\d+m/gu, ""), /^[\n\x20-\x7e]*$/);
});

Deno.test("plainRenderer() reports every pause of 5 s or more once", () => {
  const { out, clock, show } = table(fakeTerminal());
  show(...BEGINNING);
  for (const [i, waitMs] of [1_000, 2_000, 5_000, 8_000, 13_000].entries()) {
    const retry = { ...EVERY_EVENT.retry, attempt: i + 1, waitMs };
    show(retry, retry);
    clock.advance(waitMs);
  }
  assert.deepEqual(out.lines.flatMap((line) => /retry \d in \d+ s|retry.*:/.exec(line) ?? []), [
    "retry 1/6 in 1 s:",
    "retry 3/6 in 5 s:",
    "retry 4/6 in 8 s:",
    "retry 5/6 in 13 s:",
  ]);
});
