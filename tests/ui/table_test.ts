import assert from "node:assert/strict";
import type { BlobRef, PullEvent } from "../../src/core/events.ts";
import { createRenderer } from "../../src/ui/modes.ts";
import type { Renderer, RenderOptions } from "../../src/ui/renderer.ts";
import { type FakeClock, fakeClock } from "./fake_clock.ts";
import { colorTerminal, type FakeTerminal, fakeTerminal, screenOf } from "./fake_terminal.ts";
import { digest, EVERY_EVENT, MODEL, SECRET } from "./pull_events.ts";

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

/** A whole pull: 20 MB in every tenth of a second. */
function pull({ show, clock, table }: Shown): void {
  show(...BEGINNING);
  for (let done = 19_000_000; done < MODEL.size; done += 20_000_000) {
    show(bytes(20_000_000));
    clock.advance(100);
  }
  show(EVERY_EVENT.blob_verified, manifest_written, EVERY_EVENT.pull_completed);
  table.close();
}

Deno.test("tableRenderer() ends with a frame, a line for every step and a box", () => {
  const shown = table(colorTerminal());
  pull(shown);
  assert.deepEqual(screenOf(shown.out.text).rows, [
    "▸ pullama",
    "╭─ pulling llama3.2:latest ─────────────────────────────╮",
    "│ ✓ manifest · 2 blobs · 2.0 GB",
    "│ ◆ cached 333333333333 485 B [1/2]",
    "│ › resuming dddddddddddd 2.0 GB [2/2] · 19 MB kept",
    "│ ✓ verified dddddddddddd (4m02s)",
    "│ ✓ manifest written · aaaaaaaaaaaa",
    "╰───────────────────────────────────────────────────────╯",
    "╔═══════════════════════════════════════════════════════╗",
    "║ ✓ pulled llama3.2:latest                              ║",
    "╠═══════════════════════════════════════════════════════╣",
    "║ size 2.0 GB                                           ║",
    "║ blobs 2                                               ║",
    "║ elapsed 4m10s                                         ║",
    "║ avg rate 8.1 MB/s                                     ║",
    "╚═══════════════════════════════════════════════════════╝",
  ]);
});

Deno.test("tableRenderer() shows a bar with share, size, rate and time to go while bytes come", () => {
  const { out, clock, show } = table(colorTerminal());
  show(...BEGINNING);
  for (let i = 0; i < 50; i++) {
    show(bytes(20_000_000));
    clock.advance(100);
  }
  assert.equal(
    screenOf(out.text).rows.at(-1),
    "│ [██████████████▋░░░░░░░░░░░░░░] 50%  1.0 GB/2.0 GB · 196 MB/s · eta 5s",
  );
});

Deno.test("tableRenderer() draws at most ten times a second, each time in one write", () => {
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
    // A line feed before the end would make two writes of it: stdout is line buffered.
    assert.ok(frame.endsWith("\x1b[?2026l\n"), JSON.stringify(frame.slice(-20)));
  }
});

Deno.test("tableRenderer() draws nothing while nothing changes", () => {
  const { out, clock, show } = table(colorTerminal());
  show(...BEGINNING);
  clock.advance(1_000);
  const before = out.writes.length;
  clock.advance(60_000);
  assert.equal(out.writes.length, before);
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

Deno.test("tableRenderer() follows the window when it changes", () => {
  const { out, clock, show } = table(colorTerminal(100));
  show(...BEGINNING, bytes(20_000_000));
  clock.advance(100);
  out.resize(30);
  const before = out.writes.length;
  clock.advance(100);
  const frame = out.writes.slice(before).join("");
  assert.ok(frame.startsWith("\x1b[?2026h\x1b[?25l\x1b[2A\r"), "the broken line took two rows");
  assert.ok(screenOf(frame).widest < 30);
});

Deno.test("tableRenderer() gives the cursor back at every end", () => {
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
    assert.equal(screenOf(out.text).cursorShown, false);
    show(...end);
    if (end.length === 0) renderer.close();
    assert.equal(screenOf(out.text).cursorShown, true);
    renderer.close();
    assert.equal(clock.pending, 0, "a timer is left");
  }
});

Deno.test("tableRenderer() makes room for a warning, and goes on below it", () => {
  const { out, clock, show } = table(colorTerminal());
  show(...BEGINNING, bytes(1_000_000_000));
  clock.advance(100);
  show(EVERY_EVENT.warning);
  assert.equal(
    screenOf(out.text).rows.at(-1),
    "│ › resuming dddddddddddd 2.0 GB [2/2] · 19 MB kept",
  );
  out.write("warning: from elsewhere\n");
  clock.advance(100);
  const rows = screenOf(out.text).rows;
  assert.equal(rows.at(-2), "warning: from elsewhere");
  assert.match(rows.at(-1) ?? "", /^│ \[.*50%/);
});

Deno.test("tableRenderer() says in words what makes a pull slow", () => {
  const { out, clock, show } = table(colorTerminal());
  const { retry, stall, lock_wait, bytes_lost } = EVERY_EVENT;
  show(pull_start, retry, stall, lock_wait, bytes_lost);
  clock.advance(100);
  assert.deepEqual(
    screenOf(out.text).rows.slice(2),
    [
      "│ ! dddddddddddd retry 2/6 in 4 s: connection reset",
      "│ ! dddddddddddd stalled 12 s, reconnecting",
      "│ ! dddddddddddd waiting for another process (pid 4711 on host)",
      "│ ! dddddddddddd 64 MB to be fetched again: the digest of a chunk does not match",
    ].map((line) => line.length < 80 ? line : `${line.slice(0, 78)}…`),
  );
});

Deno.test("tableRenderer() shows which file is hashed before it is believed", () => {
  const { out, clock, show } = table(colorTerminal(100));
  show(...BEGINNING, EVERY_EVENT.verifying);
  clock.advance(100);
  assert.match(screenOf(out.text).rows.at(-1) ?? "", / · verifying dddddddddddd 45%$/);
});

Deno.test("tableRenderer() has checkpoints, requests and chunks with --verbose only, without secrets", () => {
  for (const verbose of [false, true]) {
    const { out, clock, show } = table(colorTerminal(), { verbose });
    const { checkpoint, request, chunk_start } = EVERY_EVENT;
    show(pull_start, checkpoint, request, chunk_start);
    clock.advance(100);
    assert.deepEqual(
      screenOf(out.text).rows.slice(2),
      verbose
        ? [
          "│ · dddddddddddd checkpoint · 1 GB proven",
          "│ · GET https://cdn.example/blob · 206 · 31 ms",
          "│ · dddddddddddd chunk 0-63999999 · 64 MB",
        ]
        : [],
    );
    assert.ok(!out.text.includes(SECRET));
  }
});

Deno.test("tableRenderer() counts the small blobs of a model that has 20,000", () => {
  for (const out of [colorTerminal(), fakeTerminal()]) {
    const { clock, show } = table(out);
    const count = 20_000;
    show(pull_start, { event: "manifest", digest: digest("a"), blobs: count, size: 2_000_000_000 });
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

Deno.test("tableRenderer() updates the bar in its place with --no-color", () => {
  const { out, clock, show } = table(fakeTerminal({ interactive: true }));
  show(...BEGINNING);
  for (let i = 0; i < 30; i++) {
    show(bytes(20_000_000));
    clock.advance(100);
  }
  const rows = screenOf(out.text).rows;
  assert.equal(rows.filter((row) => row.startsWith("| [")).length, 1);
});

Deno.test("tableRenderer() lists what a dry run found", () => {
  const { out, show } = table(colorTerminal(), { dryRun: true });
  show(pull_start, manifest, EVERY_EVENT.dry_run);
  assert.deepEqual(screenOf(out.text).rows.slice(1, -1), [
    "╭─ would pull llama3.2:latest ──────────────────────────╮",
    "│ ✓ manifest · 2 blobs · 2.0 GB",
    "│ · from registry.ollama.ai/library/llama3.2:latest",
    "│ ◆ cached 333333333333 485 B · config",
    "│ › would fetch dddddddddddd 2.0 GB · model · 1.3 GB cached",
    "│ · to fetch 719 MB of 2.0 GB · 1.3 GB cached",
    "│ ! does not fit · 300 MB free",
  ]);
});

Deno.test("tableRenderer() has one header for several pulls, and a frame for each", () => {
  const shown = table(colorTerminal());
  pull(shown);
  pull(shown);
  const rows = screenOf(shown.out.text).rows;
  assert.equal(rows.filter((row) => row === "▸ pullama").length, 1);
  assert.equal(rows.filter((row) => row.startsWith("╭")).length, 2);
});

Deno.test("plainRenderer() is a log in ASCII: a line for every step", () => {
  const shown = table(fakeTerminal());
  shown.show(...BEGINNING);
  shown.show(EVERY_EVENT.retry, EVERY_EVENT.blob_verified, manifest_written);
  shown.show(EVERY_EVENT.pull_completed);
  assert.deepEqual(shown.out.lines, [
    "pulling llama3.2:latest",
    "manifest, 2 blobs, 2.0 GB",
    "cached 333333333333 485 B [1/2]",
    "resuming dddddddddddd 2.0 GB [2/2], 19 MB kept",
    "! dddddddddddd retry 2/6 in 4 s: connection reset",
    "verified dddddddddddd (4m02s)",
    "manifest written, aaaaaaaaaaaa",
    "pulled llama3.2:latest, 2.0 GB, 2 blobs, 4m10s, 8.1 MB/s",
  ]);
});

Deno.test("plainRenderer() has only ASCII and no cursor movement for any event", () => {
  const shown = table(fakeTerminal(), { verbose: true });
  shown.show(...Object.values(EVERY_EVENT));
  pull(shown);
  assert.match(shown.out.text, /^[\n\x20-\x7e]*$/);
});

Deno.test("plainRenderer() has a line about progress every 5 %", () => {
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

Deno.test("plainRenderer() has a line about progress every ten seconds on a slow line", () => {
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
