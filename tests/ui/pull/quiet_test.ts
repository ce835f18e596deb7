import assert from "node:assert/strict";
import type { PullEvent } from "../../../src/core/events.ts";
import { MODES } from "../../../src/ui/mode.ts";
import { createRenderer } from "../../../src/ui/pull/modes.ts";
import { fakeClock } from "../fake_clock.ts";
import { colorTerminal, type FakeTerminal, fakeTerminal } from "../fake_terminal.ts";
import { EVERY_EVENT } from "../pull_events.ts";

const ENDS = ["dry_run", "pull_completed", "pull_interrupted", "pull_failed"];
const COURSE = Object.values(EVERY_EVENT).filter(({ event }) => !ENDS.includes(event));

function quietly(out: FakeTerminal, mode: typeof MODES[number], end: PullEvent): string {
  const options = { quiet: true, verbose: true, dryRun: false };
  const renderer = createRenderer(mode, out, options, fakeClock());
  for (const event of [...COURSE, end]) renderer.event(event);
  renderer.close();
  return out.text;
}

Deno.test("quietRenderer() writes exactly one line for a pull", () => {
  const end = EVERY_EVENT.pull_completed;
  for (const mode of ["table", "compact"] as const) {
    assert.equal(
      quietly(colorTerminal(), mode, end),
      "pulled llama3.2:latest · 2.0 GB · aaaaaaaaaaaa\n",
    );
    assert.equal(
      quietly(fakeTerminal(), mode, end),
      "pulled llama3.2:latest, 2.0 GB, aaaaaaaaaaaa\n",
    );
  }
});

Deno.test("quietRenderer() prints nothing for failures and interruptions", () => {
  assert.equal(quietly(fakeTerminal(), "table", EVERY_EVENT.pull_failed), "");
  assert.equal(quietly(fakeTerminal(), "table", EVERY_EVENT.pull_interrupted), "");
});

Deno.test("quietRenderer() prints the result of a dry run", () => {
  assert.equal(
    quietly(fakeTerminal(), "table", EVERY_EVENT.dry_run),
    "llama3.2:latest would download 719 MB of 2.0 GB, aaaaaaaaaaaa, not enough disk space\n",
  );
});

Deno.test("every mode is silent until the end with --quiet", () => {
  for (const mode of MODES) {
    for (const event of COURSE) assert.equal(quietly(fakeTerminal(), mode, event), "");
  }
});
