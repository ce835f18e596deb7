import assert from "node:assert/strict";
import { run } from "../../../src/cli/program.ts";
import { wire } from "../../../src/cli/wire.ts";
import { type Kind, PullamaError } from "../../../src/core/errors.ts";
import type { Emit } from "../../../src/core/events.ts";
import type { ModelName } from "../../../src/core/name.ts";
import { fakeClock } from "../../ui/fake_clock.ts";
import { addSmallModel } from "../../fakes/installed.ts";
import { temporaryFolder } from "../../real/child.ts";
import { colorTerminal, fakeTerminal, screenOf } from "../../ui/fake_terminal.ts";
import { DRY_RUN, SECRET, SUMMARY } from "../../ui/pull_events.ts";
import {
  except,
  failing,
  fakeHost,
  type Pull,
  pullInterrupted,
  pullUnknown,
  pullWell,
  type Ran,
  ran,
} from "../fake_host.ts";

function events(result: Ran): Record<string, unknown>[] {
  return result.out.split("\n").filter(Boolean).map((line) => JSON.parse(line));
}

Deno.test("runPull() exits with 0 and prints results only on stdout", async () => {
  const { code, out, err, opened, closed } = await ran(["m"]);
  assert.deepEqual([code, err, opened, closed], [0, "", 1, 1]);
  assert.match(out, /^pulling m:latest\n[^]*\npulled m:latest, 2\.0 GB, 2 blobs, [^\n]*\n$/);
});

Deno.test("runPull() reports errors on stderr, and exits with the code of their kind", async () => {
  const cases = [
    ["not_found", 4],
    ["auth", 3],
    ["disk_full", 2],
    ["network", 1],
    ["internal", 1],
  ] as const;
  for (const [kind, expected] of cases) {
    const error = new PullamaError(kind, "it failed", { hint: "fix it" });
    const { code, err, closed } = await ran(["m"], fakeHost(), failing(error));
    assert.deepEqual([code, closed], [expected, 1]);
    assert.equal(err, "cannot pull m:latest: it failed\nhint: fix it\n");
  }
});

Deno.test("runPull() reports an invalid name and opens nothing", async () => {
  const { code, err, opened } = await ran([".m"]);
  assert.deepEqual([code, opened], [1, 0]);
  assert.match(err, /^invalid model name "\.m": /);
});

Deno.test("runPull() reports an unexpected error in one sentence", async () => {
  const broken = failing(new TypeError("x is not a function"));
  const { code, err } = await ran(["m"], fakeHost(), broken);
  assert.equal(code, 1);
  assert.equal(err, "cannot pull m:latest: unexpected error: x is not a function\n");
  const verbose = await ran(["m", "--verbose"], fakeHost(), broken);
  assert.match(verbose.err, /\n {4}at .*run_test\.ts/);
});

Deno.test("runPull() tries every model, and exits with the code of the first failure", async () => {
  const auth = failing(new PullamaError("auth", "no key"));
  const pull = except({ b: pullUnknown, c: auth });
  const { code, out, err, pulled, opened, closed } = await ran(
    ["a", "b", ".x", "c", "d"],
    fakeHost(),
    pull,
  );
  assert.deepEqual([code, opened, closed], [4, 1, 1]);
  assert.deepEqual(pulled, ["a:latest", "b:latest", "c:latest", "d:latest"]);
  assert.match(err, /cannot pull b:latest: [^]*invalid model name "\.x"[^]*cannot pull c:latest/);
  const summary = out.slice(out.indexOf("2 of 5 models pulled\n")).split("\n");
  assert.deepEqual(summary.slice(1, 3), [
    "  pulled a:latest",
    "  failed b:latest: model not found on registry.ollama.ai",
  ]);
  assert.match(summary[3] ?? "", /^ {2}failed invalid model name "\.x"/);
  assert.deepEqual(summary.slice(4), ["  failed c:latest: no key", "  pulled d:latest", ""]);
});

Deno.test("runPull() prints how to resume after an interruption, and exits with 0", async () => {
  const { code, err, closed } = await ran(["llama3.2"], fakeHost(), pullInterrupted);
  assert.deepEqual([code, closed], [0, 1]);
  assert.equal(err, "interrupted - resume with: pullama llama3.2:latest\n");
  const seen = fakeHost({ terminal: colorTerminal });
  await ran(["user/m:7b"], seen, pullInterrupted);
  assert.equal(seen.err.text, "interrupted — resume with: pullama user/m:7b\n");
});

Deno.test("runPull() prints the resume command with the scheme, and with a tag if needed", async () => {
  const http = await ran(["http://10.0.0.1:5000/a/m"], fakeHost(), pullInterrupted);
  assert.match(http.err, /pullama http:\/\/10\.0\.0\.1:5000\/a\/m\n$/);
  const command = await ran(["--", "version"], fakeHost(), pullInterrupted);
  assert.match(command.err, /pullama version:latest\n$/);
});

Deno.test("runPull() starts no model after an interruption, and lists the remaining ones", async () => {
  const pull = except({ b: pullInterrupted });
  const { code, out, err, pulled } = await ran(["a", "b", "c", ".x"], fakeHost(), pull);
  assert.equal(code, 0);
  assert.deepEqual(pulled, ["a:latest", "b:latest"]);
  assert.equal(err, "interrupted - resume with: pullama b:latest c:latest\n");
  assert.ok(out.endsWith(
    "1 of 4 models pulled\n  pulled a:latest\n  interrupted b:latest\n" +
      "  not started c:latest\n  not started .x\n",
  ));
});

Deno.test("runPull() starts nothing after a signal at the end of a pull", async () => {
  const pull: Pull = (name, emit, host) => {
    host.interrupt();
    return pullWell(name, emit);
  };
  const { code, err, pulled } = await ran(["a", "b"], fakeHost(), pull);
  assert.deepEqual([code, pulled], [0, ["a:latest"]]);
  assert.equal(err, "interrupted - resume with: pullama b:latest\n");
  assert.equal((await ran(["a"], fakeHost(), pull)).err, "");
});

Deno.test("runPull() exits with the code of a failure before an interruption", async () => {
  const pull = except({ a: pullUnknown, b: pullInterrupted });
  const { code } = await ran(["a", "b"], fakeHost(), pull);
  assert.equal(code, 4);
});

Deno.test("runPull() with JSON prints only events on stdout, and messages on stderr", async () => {
  const pull = except({ b: pullUnknown, c: pullInterrupted });
  const result = await ran(["a", "b", ".x", "c", "--output", "json"], fakeHost(), pull);
  const ends = events(result).filter(({ event }) =>
    /completed|failed|interrupted/.test(`${event}`)
  );
  assert.deepEqual(
    ends.map(({ event, Model, ExitCode }) => [event, Model, ExitCode]),
    [
      ["pull_completed", "a", undefined],
      ["pull_failed", "b", 4],
      ["pull_failed", ".x", 1],
      ["pull_interrupted", "c", undefined],
    ],
  );
  assert.match(result.err, /cannot pull b:latest[^]*resume with: pullama c:latest/);
});

Deno.test("runPull() with --quiet prints one line on stdout, and errors on stderr", async () => {
  const one = await ran(["m", "-q"]);
  assert.equal(one.out, "pulled m:latest, 2.0 GB, aaaaaaaaaaaa\n");
  const failed = await ran(["m", "-q"], fakeHost(), pullUnknown);
  assert.deepEqual([failed.code, failed.out], [4, ""]);
  assert.match(failed.err, /^cannot pull m:latest/);
});

Deno.test("runPull() with --no-color prints plain ASCII on both streams of a terminal", async () => {
  const host = fakeHost({ terminal: colorTerminal });
  const { out, err } = await ran(["a", "b", "--no-color"], host, except({ b: pullUnknown }));
  assert.match(out + err, /^[\r\n\x20-\x7e]*$/);
  assert.ok(out.includes("pulled a:latest"));
});

Deno.test("runPull() clears the live lines before an error on a terminal", async () => {
  const host = fakeHost({ terminal: colorTerminal });
  await ran(["m"], host, failing(new PullamaError("network", "connection reset")));
  const screen = screenOf(host.out.text);
  assert.equal(screen.cursorShown, true);
  assert.match(screen.rows.at(-1) ?? "", /^╰─*╯$/);
  assert.ok(host.out.text.endsWith("\n"));
});

Deno.test("runPull() restores the screen after an engine that sent no final event", async () => {
  const clock = fakeClock();
  const host = { ...fakeHost({ terminal: colorTerminal }), clock };
  await ran(["m"], host, (name, emit) => {
    emit({ event: "pull_start", name });
    emit({ event: "manifest", digest: DRY_RUN.digest, blobs: 1, size: 1, kept: 0 });
    clock.advance(100);
    assert.equal(screenOf(host.out.text).cursorShown, false);
    return Promise.resolve(undefined);
  });
  assert.equal(screenOf(host.out.text).cursorShown, true);
  assert.equal(clock.pending, 0);
});

Deno.test("runPull() prints the result of a dry run", async () => {
  const dry = (name: ModelName, emit: Emit) => {
    emit({ event: "pull_start", name });
    emit({ event: "dry_run", result: { ...DRY_RUN, name } });
    return Promise.resolve(undefined);
  };
  const { code, out, err } = await ran(["m", "--dry-run"], fakeHost(), dry);
  assert.deepEqual([code, err], [0, ""]);
  assert.match(out, /^would pull m:latest\nfrom registry\.ollama\.ai\/library\/m:latest\n/);
  assert.match(
    out,
    /\n719 MB of 2\.0 GB to download, 1\.3 GB cached\n! not enough disk space, 300 MB free\n$/,
  );
});

Deno.test("runPull() reports for every model why the engine cannot be opened", async () => {
  const host = fakeHost();
  const openEngine = () =>
    Promise.reject(new PullamaError("local", "cannot read /c.pem: no such file"));
  const code = await run(["a", "b"], host, { ...wire, openEngine });
  assert.equal(code, 1);
  assert.equal(
    host.err.text,
    "cannot pull a:latest: cannot read /c.pem: no such file\n" +
      "cannot pull b:latest: cannot read /c.pem: no such file\n",
  );
});

Deno.test("runPull() prints no secret of a URL given as a name", async () => {
  const { out, err } = await ran([
    `https://u:${SECRET}@h.example/a/m?token=${SECRET}`,
    "b",
    "--verbose",
    "--output",
    "json",
  ]);
  assert.ok(!(out + err).includes(SECRET));
});

Deno.test("runPull() suggests an installed model for a nonexistent one with a similar name", async () => {
  await using folder = await temporaryFolder();
  await addSmallModel(folder.path, "llama3.2");
  const host = fakeHost({ env: { HOME: "/home/u", OLLAMA_MODELS: folder.path } });
  const { err, code } = await ran(["lama3.2"], host, pullUnknown);
  assert.equal(code, 4);
  assert.match(err, /^hint: did you mean llama3\.2:latest, which is installed$/m);
});

Deno.test("runPull() with JSON prints a final event for every model, even if it was not started", async () => {
  const host = fakeHost();
  const result = await ran(["a", "b", ".x", "--output", "json"], host, pullInterrupted);
  assert.equal(result.code, 0);
  assert.deepEqual(
    events(result).map((
      { event, Model, KeptBytes, TotalBytes },
    ) => [event, Model, KeptBytes, TotalBytes]),
    [
      ["pull_start", "a", undefined, undefined],
      ["pull_interrupted", "a", 1_000_000_000, SUMMARY.size],
      ["pull_start", "b", undefined, undefined],
      ["pull_interrupted", "b", 0, 0],
    ],
  );
});

/** A pull that fails with an error of this kind after some retries. */
function pullRetrying(kind: Kind, retries = 1): Pull {
  return (name, emit) => {
    emit({ event: "pull_start", name });
    const error = new PullamaError(kind, "no response", { hint: "see pullama doctor" });
    for (let attempt = 1; attempt <= retries; attempt++) {
      emit({ event: "retry", digest: undefined, attempt, limit: 6, waitMs: 1, error });
    }
    return Promise.reject(error);
  };
}

const MEANT = "hint: did you mean the command: pullama list\n";

Deno.test("runPull() suggests a mistyped command once, before a request is retried", async () => {
  for (const kind of ["network", "timeout", "unavailable"] as const) {
    const { err } = await ran(["lsit"], fakeHost(), pullRetrying(kind, 3));
    assert.equal(
      err,
      `${MEANT}cannot pull lsit:latest: no response\nhint: see pullama doctor\n`,
    );
    const atOnce = await ran(["lsit"], fakeHost(), pullRetrying(kind, 0));
    assert.equal(atOnce.err.indexOf(MEANT), atOnce.err.length - MEANT.length);
  }
  const json = await ran(["lsit", "--output", "json"], fakeHost(), pullRetrying("network"));
  assert.ok(json.err.startsWith(MEANT));
  assert.ok(!json.out.includes("did you mean"));
  const screen = fakeHost({ terminal: colorTerminal });
  await ran(["lsit"], screen, pullRetrying("network"));
  assert.match(screen.err.text, /did you mean the command: pullama list\n/);
});

Deno.test("runPull() suggests no command for a pulled, installed or dissimilar model", async () => {
  const quiet = async (given: string, pull: Pull, host = fakeHost()) =>
    assert.ok(!(await ran(["pull", given], host, pull)).err.includes("the command"), given);
  await quiet("lsit", pullWell);
  await quiet("lsit", pullRetrying("auth"));
  for (const given of ["mistral", "library/lsit", "lsit:latest", "list", "m"]) {
    await quiet(given, pullRetrying("network"));
  }
  await using folder = await temporaryFolder();
  await addSmallModel(folder.path, "lsit");
  const host = fakeHost({ env: { HOME: "/home/u", OLLAMA_MODELS: folder.path } });
  await quiet("lsit", pullRetrying("network"), host);
});

Deno.test("runPull() shows the place of each of several models in its title", async () => {
  const host = fakeHost({ terminal: () => fakeTerminal({ interactive: true, unicode: true }) });
  const { out } = await ran(["a", "b"], host);
  assert.match(out, /pulling a:latest · 1\/2 /);
  assert.match(out, /pulling b:latest · 2\/2 /);
});
