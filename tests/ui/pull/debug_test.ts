import assert from "node:assert/strict";
import { createRenderer } from "../../../src/ui/pull/modes.ts";
import { fakeClock } from "../fake_clock.ts";
import { fakeTerminal } from "../fake_terminal.ts";
import { EVERY_EVENT, SECRET } from "../pull_events.ts";

/** `held`: the output is not read. */
function debug(verbose: boolean, held = false): string {
  const out = fakeTerminal();
  out.hold(held);
  const options = { quiet: false, verbose, dryRun: false };
  const renderer = createRenderer("debug", out, options, fakeClock());
  for (const event of Object.values(EVERY_EVENT)) renderer.event(event);
  return out.text;
}

Deno.test("debugRenderer() prints every event with its fields", () => {
  for (const name of Object.keys(EVERY_EVENT)) {
    assert.ok(debug(false).includes(`event: "${name}"`), name);
  }
  assert.match(debug(false), /event: "checkpoint",\s+digest: "sha256:d+",\s+proven: 1000000000/);
});

Deno.test("debugRenderer() drops progress while its output is not read, but no other event", () => {
  const shown = debug(false, true);
  for (const name of Object.keys(EVERY_EVENT)) {
    const dropped = name === "bytes" || name === "verifying";
    assert.equal(shown.includes(`event: "${name}"`), !dropped, name);
  }
});

Deno.test("debugRenderer() prints the stack of errors only with --verbose", () => {
  assert.ok(debug(false).includes('message: "connection reset"'));
  assert.doesNotMatch(debug(false), /\bat .*\.ts:\d+/);
  assert.match(debug(true), /\bat .*\.ts:\d+/);
  assert.ok(debug(true).includes("caused by TypeError: error sending request for url"));
});

Deno.test("debugRenderer() prints no secret, not even with --verbose", () => {
  assert.ok(!debug(false).includes(SECRET));
  assert.ok(!debug(true).includes(SECRET));
});
