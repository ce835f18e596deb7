import assert from "node:assert/strict";
import { PullamaError } from "../../src/core/errors.ts";
import { givenOf, nameOf } from "../../src/queue/entry.ts";
import { formatQueue, parseQueue, type Queue, timeIn, timestamp } from "../../src/queue/format.ts";
import { add, EMPTY } from "../../src/queue/queue.ts";
import { parseName } from "../../src/core/name.ts";
import { entriesOf, FROM_GO, queueOf } from "./place.ts";

function parse(text: string): Queue {
  return parseQueue(new TextEncoder().encode(text), "/m/queue.json");
}

Deno.test("case 111: parseQueue() reads a queue of the Go program, and formatQueue() restores its bytes", () => {
  const queue = parse(FROM_GO);
  assert.deepEqual(entriesOf(queue), ["llama3.2 completed", "mistral failed", "phi3 queued"]);
  assert.deepEqual(queue.entries.map(givenOf), [
    "registry.ollama.ai/library/llama3.2:latest",
    "registry.ollama.ai/library/mistral:7b",
    "registry.ollama.ai/library/phi3:mini",
  ]);
  assert.equal(queue.entries[1]?.error, 'status 500: <html> a & b \u2028 "c"');
  assert.equal(queue.entries[0]?.added_at, "2026-03-01T09:58:12.123456789+01:00");
  assert.deepEqual(queue.entries.map(({ finished_at }) => timeIn(finished_at)), [
    "2026-03-01T10:04:10.25+01:00",
    "2026-03-01T10:05:00+01:00",
    undefined,
  ]);
  assert.equal(formatQueue(queue), FROM_GO);
});

Deno.test("case 111: parseQueue() reads a missing file, an empty file and null entries as an empty queue", () => {
  assert.deepEqual(parseQueue(undefined, "x"), EMPTY);
  for (const text of ["", " \n", "null", "{}", '{"entries":null}', '{"entries": []}']) {
    assert.deepEqual(parse(text), EMPTY, text);
  }
  assert.equal(formatQueue(EMPTY), '{\n  "entries": []\n}');
});

Deno.test("parseQueue() keeps unknown fields of the file and of its entries", () => {
  const text = `{
  "entries": [
    {
      "model": "m",
      "tag": "latest",
      "status": "paused",
      "added_at": null,
      "priority": {
        "level": 3
      }
    }
  ],
  "version": 7,
  "note": "\\u003cmine\\u003e"
}`;
  assert.equal(formatQueue(parse(text)), text);
  const { queue } = add(parse(text), [parseName("b")], "2026-01-01T00:00:00Z");
  assert.equal(queue.others.version, 7);
  assert.deepEqual(queue.entries[0], parse(text).entries[0]);
});

Deno.test("parseQueue() reports the damaged file and that nothing was changed", () => {
  const cases: readonly (readonly [text: string, reason: RegExp])[] = [
    ["{", /it is not JSON$/],
    ['{"entries":[]}x', /it is not JSON$/],
    ["[]", /it is not a queue$/],
    ['"entries"', /it is not a queue$/],
    ['{"entries":{}}', /: entries is missing or invalid$/],
    ['{"entries":[7]}', /: entries\.0 is missing or invalid$/],
    [
      '{"entries":[{"model":"m","status":"queued"},{"model":"n"}]}',
      /: entries\.1\.status is missing/,
    ],
    [
      '{"entries":[{"model":["m"],"status":"queued"}]}',
      /: entries\.0\.model is missing or invalid/,
    ],
  ];
  for (const [text, reason] of cases) {
    assert.throws(() => parse(text), (error: unknown) => {
      assert.ok(error instanceof PullamaError, text);
      assert.equal(error.kind, "local");
      assert.match(error.message, /^cannot read the queue in \/m\/queue\.json: /);
      assert.match(error.message, reason, text);
      assert.match(error.hint ?? "", /nothing was changed: repair the file, or move it away/);
      return true;
    });
  }
  const cut = new TextEncoder().encode('{"entries":[],"note":"é"}').subarray(0, 23);
  assert.throws(() => parseQueue(cut, "x"), /it is not JSON/);
});

Deno.test("givenOf() returns the full name if there is one, otherwise a name in the default registry", () => {
  const [entry] = queueOf("m").entries;
  assert.equal(givenOf(entry!), "registry.ollama.ai/library/m:latest");
  assert.equal(givenOf({ ...entry!, tag: "" }), "registry.ollama.ai/library/m:latest");
  assert.equal(givenOf({ ...entry!, name: "hf.co/u/r:Q4_K_M" }), "hf.co/u/r:Q4_K_M");
  const http = { ...entry!, name: "10.0.0.1:5000/a/m:7b", scheme: "http" };
  assert.equal(givenOf(http), "http://10.0.0.1:5000/a/m:7b");
  assert.deepEqual(nameOf(http), parseName("http://10.0.0.1:5000/a/m:7b"));
  assert.equal(nameOf({ ...entry!, name: "../../etc/passwd" }), undefined);
  assert.equal(nameOf({ ...entry!, model: null }), undefined);
});

Deno.test("timestamp() formats local time with its UTC offset", () => {
  const date = new Date("2026-07-01T22:30:15.045Z");
  const shifted = (minutes: number) => {
    const there = new Date(date);
    there.getTimezoneOffset = () => -minutes;
    return timestamp(there);
  };
  assert.equal(shifted(0), "2026-07-01T22:30:15.045Z");
  assert.equal(shifted(120), "2026-07-02T00:30:15.045+02:00");
  assert.equal(shifted(-210), "2026-07-01T19:00:15.045-03:30");
  assert.equal(shifted(345), "2026-07-02T04:15:15.045+05:45");
  assert.equal(Date.parse(shifted(-210)), date.getTime());
});

Deno.test("parseQueue() refuses what is nested too deeply to be written again", () => {
  const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;
  assert.throws(() => parse(`{"entries":[],"unknown":${deep}}`), {
    kind: "local",
    message: /\/m\/queue\.json: it is nested too deeply$/,
    hint: /repair the file/,
  });
});
