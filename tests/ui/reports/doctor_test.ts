import assert from "node:assert/strict";
import type { Check, DoctorReport } from "../../../src/core/reports/doctor.ts";
import { PullamaError } from "../../../src/core/errors.ts";
import { parseName } from "../../../src/core/name.ts";
import {
  checkText,
  doctorDocument,
  doctorHeading,
  doctorSummary,
  pendingText,
} from "../../../src/ui/reports/doctor.ts";
import { width } from "../../../src/ui/terminal/draw.ts";
import { colorTerminal, fakeTerminal, screenOf } from "../fake_terminal.ts";

const FOLDER: Check = {
  name: "folder",
  state: "ok",
  found: ["/home/u/.ollama/models (default)", "writable", "owned by u (1000)", "180 GB free"],
  ms: 2.4,
};
const SERVER: Check = {
  name: "server",
  state: "warning",
  found: [
    "not running at 127.0.0.1:11434 (not needed for a pull)",
    "the service uses another folder",
  ],
  ms: 3,
  hint: "use that folder",
};
const DNS: Check = {
  name: "dns",
  state: "failed",
  found: ["the host name registry.ollama.ai cannot be resolved"],
  ms: 5020,
  hint: "check the spelling of the host, the network connection and its name server (DNS)",
  error: new PullamaError("network", "the host name registry.ollama.ai cannot be resolved"),
};
const TCP: Check = { name: "tcp", state: "skipped", found: ["not checked: dns failed"], ms: 0 };
const TLS: Check = { name: "tls", state: "skipped", found: ["plain http"], ms: 0 };
const ALL = [FOLDER, SERVER, DNS, TCP, TLS];

const MODEL = parseName("all-minilm");

function report(...checks: Check[]): DoctorReport {
  return {
    model: MODEL,
    checks,
    hosts: [
      { host: "registry.ollama.ai", port: 443, what: "registry" },
      {
        host: "dd20bb-blobs.r2.cloudflarestorage.com",
        port: 443,
        what: "blobs",
      },
    ],
  };
}

Deno.test("checkText() prints a line for each check in ASCII, with the hint below", () => {
  const pipe = fakeTerminal();
  assert.equal(
    doctorHeading(MODEL, pipe) + ALL.map((check) => checkText(check, pipe, false)).join(""),
    `> pullama doctor all-minilm:latest
ok   folder    /home/u/.ollama/models (default), writable, owned by u (1000), 180 GB free, 2 ms
warn server    not running at 127.0.0.1:11434 (not needed for a pull), the service uses another folder, 3 ms
               hint: use that folder
FAIL dns       the host name registry.ollama.ai cannot be resolved, 5 s
               hint: check the spelling of the host, the network connection and its name server (DNS)
-    tcp       not checked: dns failed
-    tls       plain http
`,
  );
});

Deno.test("checkText() prints marks and fits the window on a terminal", () => {
  const terminal = colorTerminal(60);
  const text = ALL.map((check) => checkText(check, terminal, false)).join("");
  assert.deepEqual(screenOf(text).rows, [
    "✓ folder    /home/u/.ollama/models (default) · writable ·",
    "            owned by u (1000) · 180 GB free · 2 ms",
    "! server    not running at 127.0.0.1:11434 (not needed for",
    "            a pull) · the service uses another folder · 3",
    "            ms",
    "            › use that folder",
    "✗ dns       the host name registry.ollama.ai cannot be",
    "            resolved · 5 s",
    "            › check the spelling of the host, the network",
    "              connection and its name server (DNS)",
    "— tcp       not checked: dns failed",
    "— tls       plain http",
  ]);
  for (const columns of [20, 33, 80, 300]) {
    const narrow = colorTerminal(columns);
    const shown = doctorHeading(MODEL, narrow) +
      ALL.map((check) => checkText(check, narrow, false)).join("") +
      doctorSummary(report(...ALL), narrow);
    for (const row of screenOf(shown).rows) assert.ok(width(row) < columns, `${columns}: ${row}`);
    assert.ok(width(screenOf(pendingText("manifest", narrow)).rows[0]!) < columns);
  }
});

Deno.test("checkText() prints no secrets and no escape sequences", () => {
  const bad: Check = {
    ...DNS,
    found: ["\x1b[2J see https://u:p@h.example/x?sig=s3cr3t", "Bearer abcdefghijkl"],
    hint: "see https://h.example/?token=s3cr3t",
  };
  for (const terminal of [fakeTerminal(), colorTerminal()]) {
    const text = checkText(bad, terminal, true);
    assert.doesNotMatch(text, /s3cr3t|u:p|abcdefghijkl/);
    assert.ok(!text.includes("\x1b[2J"));
  }
  for (const inspected of [true, false]) {
    const document = doctorDocument(report(bad), { inspected, color: false });
    assert.doesNotMatch(document, /s3cr3t|u:p|abcdefghijkl/);
    assert.ok(!document.includes("\x1b"));
  }
});

Deno.test("checkText() prints the stack of an error with --verbose", () => {
  assert.match(checkText(DNS, fakeTerminal(), true), /\n {4} *at .*doctor_test\.ts/);
  assert.doesNotMatch(checkText(DNS, fakeTerminal(), false), /doctor_test/);
});

Deno.test("doctorSummary() lists hosts and ports, and the overall result", () => {
  const pipe = fakeTerminal();
  const [hosts, passed] = doctorSummary(report(FOLDER, TLS), pipe).split("\n");
  assert.equal(
    hosts,
    "hosts to allow: registry.ollama.ai:443 (registry), " +
      "dd20bb-blobs.r2.cloudflarestorage.com:443 (blobs)",
  );
  assert.equal(passed, "all checks passed");
  const end = (...checks: Check[]) => doctorSummary(report(...checks), pipe).split("\n").at(-2);
  assert.equal(end(FOLDER, SERVER), "all checks passed, 1 warning");
  assert.equal(end(...ALL), "1 of 5 checks failed, 1 not checked, 1 warning");
  assert.equal(end(DNS, DNS), "2 of 2 checks failed");
});

Deno.test("doctorDocument() prints one document on one line", () => {
  const text = doctorDocument(report(...ALL), { inspected: false, color: false });
  assert.equal(text.split("\n").length, 2);
  const { checks, ...rest } = JSON.parse(text);
  assert.deepEqual(rest, {
    model: "registry.ollama.ai/library/all-minilm:latest",
    ok: false,
    exit_code: 1,
    hosts: report().hosts,
  });
  assert.deepEqual(checks[1], {
    name: "server",
    ok: true,
    skipped: false,
    found: SERVER.found.join(", "),
    ms: 3,
    hint: "use that folder",
  });
  assert.deepEqual(checks[2], {
    name: "dns",
    ok: false,
    skipped: false,
    found: DNS.found[0],
    ms: 5020,
    hint: DNS.hint,
    kind: "network",
  });
  assert.deepEqual(checks[3], {
    name: "tcp",
    ok: false,
    skipped: true,
    found: "not checked: dns failed",
    ms: 0,
  });
  assert.match(doctorDocument(report(), { inspected: true, color: false }), /ok: true/);
});
