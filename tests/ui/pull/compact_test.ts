import assert from "node:assert/strict";
import type { PullEvent } from "../../../src/core/events.ts";
import { createRenderer } from "../../../src/ui/pull/modes.ts";
import { fakeClock } from "../fake_clock.ts";
import { colorTerminal, type FakeTerminal, fakeTerminal, screenOf } from "../fake_terminal.ts";
import { EVERY_EVENT, MODEL } from "../pull_events.ts";

const { pull_start, manifest, blob_cached, blob_start } = EVERY_EVENT;
const BEGINNING = [pull_start, manifest, blob_cached, blob_start];
const TENTH: PullEvent = { event: "bytes", digest: MODEL.digest, count: 200_000_000 };

function compact(out: FakeTerminal, verbose = false) {
  const clock = fakeClock();
  const options = { quiet: false, verbose, dryRun: false };
  const renderer = createRenderer("compact", out, options, clock);
  const show = (...events: readonly PullEvent[]) => events.forEach(renderer.event);
  return { clock, renderer, show };
}

Deno.test("compactRenderer() prints three lines on a terminal, the middle one updated in place", () => {
  const out = colorTerminal();
  const { clock, renderer, show } = compact(out);
  show(...BEGINNING);
  const reached: (string | undefined)[] = [];
  for (let i = 0; i < 10; i++) {
    show(TENTH);
    clock.advance(100);
    reached.push(screenOf(out.text).rows.at(-1));
    assert.equal(screenOf(out.text).rows.length, 2);
  }
  assert.equal(reached[5], "60% 1.2/2.0 GB");
  show(EVERY_EVENT.manifest_written, EVERY_EVENT.pull_completed);
  renderer.close();
  assert.deepEqual(screenOf(out.text).rows, [
    "pulling llama3.2:latest",
    "100% 2.0/2.0 GB",
    "completed 2.0 GB 4m10s",
  ]);
  assert.equal(clock.pending, 0);
});

Deno.test("compactRenderer() prints a line per 5% without a terminal", () => {
  const out = fakeTerminal();
  const { show } = compact(out);
  show(...BEGINNING);
  for (let i = 0; i < 10; i++) show(TENTH);
  show(EVERY_EVENT.pull_completed);
  assert.equal(out.lines[0], "pulling llama3.2:latest");
  assert.equal(out.lines[1], "10% 0.2/2.0 GB");
  assert.equal(out.lines.length, 12);
  assert.equal(out.lines.at(-1), "completed 2.0 GB 4m10s");
  assert.match(out.text, /^[\n\x20-\x7e]*$/);
});

Deno.test("compactRenderer() prints a line per ten seconds without a terminal", () => {
  const out = fakeTerminal();
  const { clock, show } = compact(out);
  show(...BEGINNING);
  for (let i = 0; i < 30; i++) {
    clock.advance(1_000);
    show({ event: "bytes", digest: MODEL.digest, count: 1_000 });
  }
  assert.equal(out.lines.length, 4);
});

Deno.test("compactRenderer() prints lines for other events only with --verbose", () => {
  for (const [verbose, expected] of [[false, 1], [true, 12]] as const) {
    const out = fakeTerminal();
    const { show } = compact(out, verbose);
    const quiet = ["bytes", "pull_completed", "dry_run"];
    show(...Object.values(EVERY_EVENT).filter(({ event }) => !quiet.includes(event)));
    assert.equal(out.lines.length, expected, out.text);
  }
});

Deno.test("compactRenderer() leaves a complete line when a pull ends early", () => {
  for (const end of [EVERY_EVENT.pull_interrupted, EVERY_EVENT.pull_failed]) {
    const out = colorTerminal();
    const { clock, renderer, show } = compact(out);
    show(...BEGINNING, TENTH);
    clock.advance(100);
    show(end);
    renderer.close();
    assert.deepEqual(screenOf(out.text).rows, ["pulling llama3.2:latest", "10% 0.2/2.0 GB"]);
    assert.ok(out.text.endsWith("\n"));
    assert.equal(clock.pending, 0);
  }
});

Deno.test("compactRenderer() prints the result of a dry run on one line", () => {
  const out = fakeTerminal();
  const { show } = compact(out);
  show(EVERY_EVENT.dry_run);
  assert.deepEqual(out.lines, [
    "llama3.2:latest would download 719 MB of 2.0 GB, aaaaaaaaaaaa, not enough disk space",
  ]);
});

Deno.test("compactRenderer() is never wider than the window", () => {
  for (let columns = 20; columns <= 300; columns += 7) {
    const out = colorTerminal(columns);
    const { clock, show } = compact(out);
    show(pull_start, manifest, blob_start, TENTH);
    clock.advance(100);
    show(TENTH, EVERY_EVENT.pull_failed);
    assert.ok(screenOf(out.text).widest < columns);
  }
});
