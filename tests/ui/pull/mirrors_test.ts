import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import schema from "../../../docs/json-events.schema.json" with { type: "json" };
import type { PullEvent } from "../../../src/core/events.ts";
import { createRenderer } from "../../../src/ui/pull/modes.ts";
import type { Mode } from "../../../src/ui/mode.ts";
import { fakeClock } from "../fake_clock.ts";
import { fakeTerminal } from "../fake_terminal.ts";
import { DRY_RUN, EVERY_EVENT, SUMMARY } from "../pull_events.ts";

const MIRROR = "http://10.0.0.5:11435";
const FROM = { [MIRROR]: 2_000_000_000, "registry.ollama.ai": 19_000_485, "http://unused": 0 };

const { pull_start, manifest, manifest_written } = EVERY_EVENT;
const PULL: readonly PullEvent[] = [
  pull_start,
  { ...manifest, from: MIRROR },
  manifest_written,
  { event: "pull_completed", summary: { ...SUMMARY, fetchedFrom: FROM } },
];
const DRY: readonly PullEvent[] = [
  pull_start,
  { event: "dry_run", result: { ...DRY_RUN, from: [MIRROR, "registry.ollama.ai"] } },
];

function shown(mode: Mode, events: readonly PullEvent[], dryRun = false): string {
  const out = fakeTerminal();
  const options = { quiet: false, verbose: false, dryRun };
  const renderer = createRenderer(mode, out, options, fakeClock());
  for (const event of events) renderer.event(event);
  renderer.close();
  return out.text;
}

Deno.test("the summary says which bytes came from where, and the manifest whose word it is", () => {
  const text = shown("table", PULL);
  assert.match(text, /manifest, 2 blobs, 2\.0 GB, as http:\/\/10\.0\.0\.5:11435 has it/);
  assert.match(text, /from http:\/\/10\.0\.0\.5:11435 2 GB, from registry\.ollama\.ai 19 MB/);
  assert.ok(!text.includes("unused"), text);
  assert.match(shown("table", DRY, true), /blobs from http:\S+:11435, then registry\.ollama\.ai/);
});

Deno.test("the same is in the lines of json, which match the schema", () => {
  const ajv = new Ajv2020({ strict: true, formats: { "date-time": true } });
  const valid = ajv.compile(schema);
  const lines = (shown("json", PULL) + shown("json", DRY, true)).trimEnd().split("\n")
    .map((line) => JSON.parse(line));
  for (const line of lines) assert.ok(valid(line), JSON.stringify([line, valid.errors]));
  const of = (event: string) => lines.find((line) => line.event === event);
  assert.equal(of("manifest").From, MIRROR);
  assert.deepEqual(of("pull_completed").FetchedFrom, FROM);
  assert.deepEqual(of("dry_run").From, [MIRROR, "registry.ollama.ai"]);
});
