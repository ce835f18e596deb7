import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import schema from "../../../docs/json-events.schema.json" with { type: "json" };
import { type Kind, PullamaError } from "../../../src/core/errors.ts";
import type { PullEvent } from "../../../src/core/events.ts";
import { parseName } from "../../../src/core/name.ts";
import { createRenderer } from "../../../src/ui/pull/modes.ts";
import { type FakeClock, fakeClock } from "../fake_clock.ts";
import { fakeTerminal } from "../fake_terminal.ts";
import { CONFIG, EVERY_EVENT, MANIFEST_DIGEST, MODEL, SECRET, TOTAL } from "../pull_events.ts";

type Line = Readonly<Record<string, unknown>> & { readonly event: string };

interface Shown {
  readonly clock: FakeClock;
  /** Whether nobody reads the output. */
  hold(on: boolean): void;
  readonly lines: () => Line[];
  show(...events: readonly PullEvent[]): void;
}

function json(quiet = false): Shown {
  const out = fakeTerminal();
  const clock = fakeClock();
  const renderer = createRenderer("json", out, { quiet, verbose: false, dryRun: false }, clock);
  return {
    clock,
    hold: out.hold,
    lines: () => out.lines.map((line) => JSON.parse(line)),
    show: (...events) => events.forEach(renderer.event),
  };
}

const isEvent = new Ajv2020({ strict: true, formats: { "date-time": isRfc3339 } }).compile(schema);

function isRfc3339(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text) && !Number.isNaN(Date.parse(text));
}

/** The fields of `event` in the schema, "event" and "time" first. */
function fieldsOf(event: string): string[] {
  const [, def] = Object.entries(schema.$defs).find(([name]) => name === event) ?? [];
  return def !== undefined && "properties" in def ? Object.keys(def.properties) : [];
}

function assertValid(lines: readonly Line[]): void {
  for (const line of lines) {
    assert.ok(isEvent(line), `${JSON.stringify(line)}: ${JSON.stringify(isEvent.errors)}`);
    const known = fieldsOf(line.event);
    for (const field of Object.keys(line)) {
      assert.ok(known.includes(field), `${line.event}.${field} is not documented`);
    }
  }
}

const { pull_start, manifest, blob_cached } = EVERY_EVENT;
const START: PullEvent = { event: "blob_start", blob: MODEL, kept: 0 };

Deno.test("jsonRenderer() writes lines that match the schema, for every event", () => {
  const { show, lines } = json();
  show(...Object.values(EVERY_EVENT));
  assertValid(lines());
  const said = new Set(lines().map((line) => line.event));
  const expected = Object.keys(EVERY_EVENT).filter((name) => name !== "bytes").concat("progress");
  assert.deepEqual([...said].sort(), expected.sort());
});

Deno.test("jsonRenderer() writes lines that match the schema if nothing optional is known", () => {
  const error = new PullamaError("invalid_name", "invalid model name");
  const { show, lines } = json();
  show(
    { event: "retry", digest: undefined, attempt: 1, limit: Infinity, waitMs: 0.5, error },
    { event: "lock_wait", digest: undefined, holder: undefined },
    { event: "warning", message: "beware", hint: undefined },
    { event: "pull_failed", name: undefined, given: ".x", error },
    {
      event: "dry_run",
      result: { ...EVERY_EVENT.dry_run.result, free: undefined, fits: true, blobs: [] },
    },
    { event: "pull_start", name: parseName("http://localhost:5000/user/m:Q4_K_M") },
  );
  assertValid(lines());
  assert.deepEqual(
    lines().map((line) => Object.keys(line).slice(2).join()),
    [
      "Attempt,WaitMs,Kind,Message",
      "",
      "Message",
      "Model,ExitCode,Kind,Message",
      "Model,Tag,Name,Digest,BlobCount,TotalSize,CachedBytes,ToFetchBytes,Fits,Blobs",
      "Model,Tag,Name",
    ],
  );
});

Deno.test("jsonRenderer() keeps the fields that scripts read", () => {
  const { show, lines } = json();
  show(pull_start, manifest, blob_cached, START, EVERY_EVENT.bytes);
  show(EVERY_EVENT.pull_completed);
  const [start, whole] = lines();
  const progress = lines().filter((line) => line.event === "progress").at(-1);
  const time = "2026-01-02T03:04:05.000Z";
  const Name = "registry.ollama.ai/library/llama3.2:latest";
  assert.deepEqual(start, { event: "pull_start", time, Model: "llama3.2", Tag: "latest", Name });
  assert.deepEqual(whole, {
    event: "manifest",
    time,
    BlobCount: 2,
    TotalSize: TOTAL,
    KeptBytes: 0,
    Digest: MANIFEST_DIGEST,
  });
  assert.deepEqual(progress, {
    event: "progress",
    time,
    pct: 49,
    OverallDone: 1_000_000_000 + CONFIG.size,
    OverallTotal: TOTAL,
  });
  assert.deepEqual(lines().at(-1), {
    event: "pull_completed",
    time,
    Model: "llama3.2",
    Tag: "latest",
    Name,
    Digest: MANIFEST_DIGEST,
    BlobCount: 2,
    TotalBytes: TOTAL,
    FetchedBytes: TOTAL,
    ElapsedMs: 250_000,
  });
});

Deno.test("jsonRenderer() reports the bytes on disk, and starts there", () => {
  const { show, lines } = json();
  show(pull_start, { ...manifest, kept: 1_300_000_485 });
  assertValid(lines());
  assert.equal(lines()[1]?.KeptBytes, 1_300_000_485);
  assert.deepEqual([lines()[2]?.OverallDone, lines()[2]?.pct], [1_300_000_485, 64]);
});

Deno.test("jsonRenderer() reports kind, exit code and hint of a failure", () => {
  const { show, lines } = json();
  const name = parseName("nosuch");
  const error = new PullamaError("not_found", "model not found on registry.ollama.ai", {
    hint: "see https://ollama.com/library",
  });
  show({ event: "pull_failed", name, given: "nosuch", error });
  assert.deepEqual(lines(), [{
    event: "pull_failed",
    time: "2026-01-02T03:04:05.000Z",
    Model: "nosuch",
    Tag: "latest",
    Name: "registry.ollama.ai/library/nosuch:latest",
    ExitCode: 4,
    Kind: "not_found",
    Message: "model not found on registry.ollama.ai",
    Hint: "see https://ollama.com/library",
  }]);
});

Deno.test("jsonRenderer() reports progress at the start, at the end and every 100 to 250 ms between", () => {
  const { show, lines, clock } = json();
  show(pull_start, manifest, blob_cached, START);
  for (let done = 0; done < MODEL.size; done += 3_000_000) {
    show({ event: "bytes", digest: MODEL.digest, count: 3_000_000 });
    clock.advance(7);
  }
  show(EVERY_EVENT.pull_completed);
  const progress = lines().filter((line) => line.event === "progress");
  assert.deepEqual([progress[0]?.OverallDone, progress[0]?.pct], [0, 0]);
  assert.deepEqual([progress.at(-1)?.OverallDone, progress.at(-1)?.pct], [TOTAL, 100]);
  assert.equal(lines().at(-2)?.event, "progress");
  const times = progress.slice(0, -1).map((line) => Date.parse(String(line.time)));
  for (const [i, time] of times.slice(1).entries()) {
    const gap = time - (times[i] ?? 0);
    assert.ok(gap >= 100 && gap <= 250, `${gap} ms`);
  }
});

Deno.test("jsonRenderer() drops progress while its output is not read, but no other event", () => {
  const eventsWhere = (held: boolean) => {
    const { clock, hold, show, lines } = json();
    hold(held);
    for (const event of Object.values(EVERY_EVENT)) {
      clock.advance(1_000);
      show(event);
    }
    return lines().map(({ event }) => event);
  };
  const all = eventsWhere(false);
  const held = eventsWhere(true);
  const others = (events: readonly string[]) =>
    events.filter((event) => event !== "progress" && event !== "verifying");
  assert.deepEqual(others(held), others(all));
  assert.ok(held.length < all.length);
  assert.ok(!held.includes("verifying"));
});

Deno.test("jsonRenderer() decreases pct and OverallDone only after bytes_lost", () => {
  const { show, lines, clock } = json();
  show(pull_start, manifest, blob_cached, START);
  for (let i = 0; i < 30; i++) {
    clock.advance(150);
    show({ event: "bytes", digest: MODEL.digest, count: 40_000_000 });
    if (i === 20) show({ ...EVERY_EVENT.bytes_lost, count: 500_000_000 });
  }
  show(EVERY_EVENT.blob_verified, EVERY_EVENT.pull_completed);
  let done = 0;
  let pct = 0;
  let falls = 0;
  for (const line of lines()) {
    if (line.event === "bytes_lost") {
      done = 0;
      pct = 0;
      falls++;
    }
    if (line.event !== "progress") continue;
    assert.ok(Number(line.OverallDone) >= done && Number(line.pct) >= pct);
    done = Number(line.OverallDone);
    pct = Number(line.pct);
  }
  assert.equal(falls, 1);
});

Deno.test("jsonRenderer() limits the rate of verifying, but writes its first and last event", () => {
  const { show, lines, clock } = json();
  const size = 40_000_000_000;
  for (let done = 0; done <= size; done += 1_000_000) {
    show({ event: "verifying", digest: MODEL.digest, done, size });
    clock.advance(0.5);
  }
  const verifying = lines();
  assert.ok(verifying.length <= 203, `${verifying.length} lines`);
  assert.deepEqual([verifying[0]?.Done, verifying.at(-1)?.Done], [0, size]);
});

Deno.test("jsonRenderer() prints no secret and writes one object per line", () => {
  const { show, lines } = json();
  const error = new PullamaError(
    "network",
    `two\nlines\u2028of https://u:${SECRET}@h/x?s=${SECRET}`,
  );
  show(...Object.values(EVERY_EVENT));
  show({ event: "pull_failed", name: undefined, given: `https://u:${SECRET}@h/x`, error });
  assert.ok(!JSON.stringify(lines()).includes(SECRET));
  assert.equal(lines().at(-1)?.Message, "two lines of https://h/x");
  assert.equal(lines().at(-1)?.Model, "https://h/x");
});

Deno.test("jsonRenderer() with --quiet writes only the event that ends the pull", () => {
  const { show, lines } = json(true);
  show(pull_start, manifest, blob_cached, START, EVERY_EVENT.bytes, EVERY_EVENT.retry);
  show(EVERY_EVENT.pull_completed);
  assert.deepEqual(lines().map((line) => line.event), ["pull_completed"]);
});

Deno.test("jsonRenderer() shows no progress of a pull that has ended when the next name is invalid", () => {
  const { show, lines } = json();
  show(pull_start, manifest, EVERY_EVENT.pull_completed);
  const before = lines().length;
  show({ ...EVERY_EVENT.pull_failed, name: undefined });
  assert.deepEqual(lines().slice(before).map(({ event }) => event), ["pull_failed"]);
});

Deno.test("docs/json-events.md names every event and every field of the schema", async () => {
  const page = await Deno.readTextFile(new URL("../../../docs/json-events.md", import.meta.url));
  for (const { $ref } of schema.oneOf) {
    const event = $ref.slice("#/$defs/".length);
    const row = page.split("\n").find((line) => line.startsWith(`| \`${event}\` |`));
    assert.ok(row !== undefined, `${event} is missing`);
    const same = /as `(\w+)`/.exec(row)?.[1];
    const inherited = page.split("\n").find((line) => line.startsWith(`| \`${same}\` |`)) ?? "";
    for (const field of fieldsOf(event).slice(2)) {
      assert.ok((row + inherited).includes(`\`${field}\``), `${event}.${field} is missing`);
    }
  }
});

Deno.test("docs/json-events.schema.json lists every kind of failure", () => {
  const kinds: Readonly<Record<Kind, true>> = {
    usage: true,
    invalid_name: true,
    not_found: true,
    moved: true,
    auth: true,
    disk_full: true,
    local: true,
    busy: true,
    manifest: true,
    refused: true,
    redirect: true,
    tls: true,
    archive: true,
    size: true,
    protocol: true,
    network: true,
    timeout: true,
    unavailable: true,
    stale: true,
    digest: true,
    interrupted: true,
    internal: true,
  };
  assert.deepEqual(schema.$defs.kind.enum.toSorted(), Object.keys(kinds).sort());
});
