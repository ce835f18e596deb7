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

Deno.test("runPull() ends with 0 and has its results on stdout alone", async () => {
  const { code, out, err, opened, closed } = await ran(["m"]);
  assert.deepEqual([code, err, opened, closed], [0, "", 1, 1]);
  assert.match(out, /^pulling m:latest\n[^]*\npulled m:latest, 2\.0 GB, 2 blobs, [^\n]*\n$/);
});

Deno.test("runPull() says on stderr why a pull failed, and ends with the exit code of its kind", async () => {
  const cases = [
    ["not_found", 4],
    ["auth", 3],
    ["disk_full", 2],
    ["network", 1],
    ["internal", 1],
  ] as const;
  for (const [kind, expected] of cases) {
    const error = new PullamaError(kind, "it went wrong", { hint: "mend it" });
    const { code, err, closed } = await ran(["m"], fakeHost(), failing(error));
    assert.deepEqual([code, closed], [expected, 1]);
    assert.equal(err, "cannot pull m:latest: it went wrong\nhint: mend it\n");
  }
});

Deno.test("runPull() says of a name that cannot be one only that, and opens nothing", async () => {
  const { code, err, opened } = await ran([".m"]);
  assert.deepEqual([code, opened], [1, 0]);
  assert.match(err, /^invalid model name "\.m": /);
});

Deno.test("runPull() makes a sentence of a failure that nobody expected", async () => {
  const broken = failing(new TypeError("x is not a function"));
  const { code, err } = await ran(["m"], fakeHost(), broken);
  assert.equal(code, 1);
  assert.equal(err, "cannot pull m:latest: unexpected failure: x is not a function\n");
  const verbose = await ran(["m", "--verbose"], fakeHost(), broken);
  assert.match(verbose.err, /\n {4}at .*run_test\.ts/);
});

Deno.test("runPull() tries every model, and ends with the exit code of the first failure", async () => {
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
    "  failed b:latest: the registry does not know this model",
  ]);
  assert.match(summary[3] ?? "", /^ {2}failed invalid model name "\.x"/);
  assert.deepEqual(summary.slice(4), ["  failed c:latest: no key", "  pulled d:latest", ""]);
});

Deno.test("runPull() says how to go on when it was interrupted, and ends with 0", async () => {
  const { code, err, closed } = await ran(["llama3.2"], fakeHost(), pullInterrupted);
  assert.deepEqual([code, closed], [0, 1]);
  assert.equal(err, "interrupted - resume with: pullama llama3.2:latest\n");
  const seen = fakeHost({ terminal: colorTerminal });
  await ran(["user/m:7b"], seen, pullInterrupted);
  assert.equal(seen.err.text, "interrupted — resume with: pullama user/m:7b\n");
});

Deno.test("runPull() keeps the scheme in what resumes, and a tag where the name is a command", async () => {
  const http = await ran(["http://10.0.0.1:5000/a/m"], fakeHost(), pullInterrupted);
  assert.match(http.err, /pullama http:\/\/10\.0\.0\.1:5000\/a\/m\n$/);
  const command = await ran(["--", "version"], fakeHost(), pullInterrupted);
  assert.match(command.err, /pullama version:latest\n$/);
});

Deno.test("runPull() begins no model after an interruption, and names all that are left", async () => {
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

Deno.test("runPull() begins nothing after a signal that came with the end of a pull", async () => {
  const pull: Pull = (name, emit, host) => {
    host.interrupt();
    return pullWell(name, emit);
  };
  const { code, err, pulled } = await ran(["a", "b"], fakeHost(), pull);
  assert.deepEqual([code, pulled], [0, ["a:latest"]]);
  assert.equal(err, "interrupted - resume with: pullama b:latest\n");
  assert.equal((await ran(["a"], fakeHost(), pull)).err, "");
});

Deno.test("runPull() ends with the failure that came before an interruption", async () => {
  const pull = except({ a: pullUnknown, b: pullInterrupted });
  const { code } = await ran(["a", "b"], fakeHost(), pull);
  assert.equal(code, 4);
});

Deno.test("runPull() in JSON has nothing but events on stdout, and the words still on stderr", async () => {
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

Deno.test("runPull() with --quiet has one line on stdout, and errors on stderr", async () => {
  const one = await ran(["m", "-q"]);
  assert.equal(one.out, "pulled m:latest, 2.0 GB, aaaaaaaaaaaa\n");
  const failed = await ran(["m", "-q"], fakeHost(), pullUnknown);
  assert.deepEqual([failed.code, failed.out], [4, ""]);
  assert.match(failed.err, /^cannot pull m:latest/);
});

Deno.test("runPull() with --no-color writes plain ASCII to both streams of a terminal", async () => {
  const host = fakeHost({ terminal: colorTerminal });
  const { out, err } = await ran(["a", "b", "--no-color"], host, except({ b: pullUnknown }));
  assert.match(out + err, /^[\r\n\x20-\x7e]*$/);
  assert.ok(out.includes("pulled a:latest"));
});

Deno.test("runPull() leaves nothing in the way of an error on a terminal", async () => {
  const host = fakeHost({ terminal: colorTerminal });
  await ran(["m"], host, failing(new PullamaError("network", "connection reset")));
  const screen = screenOf(host.out.text);
  assert.equal(screen.cursorShown, true);
  assert.match(screen.rows.at(-1) ?? "", /^╰─*╯$/);
  assert.ok(host.out.text.endsWith("\n"));
});

Deno.test("runPull() gives the screen back after an engine that did not say how it ended", async () => {
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

Deno.test("runPull() ends a dry run with what it found, without a summary of the engine", async () => {
  const dry = (name: ModelName, emit: Emit) => {
    emit({ event: "pull_start", name });
    emit({ event: "dry_run", result: { ...DRY_RUN, name } });
    return Promise.resolve(undefined);
  };
  const { code, out, err } = await ran(["m", "--dry-run"], fakeHost(), dry);
  assert.deepEqual([code, err], [0, ""]);
  assert.match(out, /^would pull m:latest\nfrom registry\.ollama\.ai\/library\/m:latest\n/);
  assert.match(out, /\nto fetch 719 MB of 2\.0 GB, 1\.3 GB cached\n! does not fit, 300 MB free\n$/);
});

Deno.test("runPull() says what stands in the way of the engine, for every model", async () => {
  const host = fakeHost();
  const openEngine = () =>
    Promise.reject(new PullamaError("local", "cannot read /c.pem: it is not there"));
  const code = await run(["a", "b"], host, { ...wire, openEngine });
  assert.equal(code, 1);
  assert.equal(
    host.err.text,
    "cannot pull a:latest: cannot read /c.pem: it is not there\n" +
      "cannot pull b:latest: cannot read /c.pem: it is not there\n",
  );
});

Deno.test("runPull() tells no secret of a name that was given with one", async () => {
  const { out, err } = await ran([
    `https://u:${SECRET}@h.example/a/m?token=${SECRET}`,
    "b",
    "--verbose",
    "--output",
    "json",
  ]);
  assert.ok(!(out + err).includes(SECRET));
});

Deno.test("a model that does not exist may have been meant to be one that is installed", async () => {
  await using folder = await temporaryFolder();
  await addSmallModel(folder.path, "llama3.2");
  const host = fakeHost({ env: { HOME: "/home/u", OLLAMA_MODELS: folder.path } });
  const { err, code } = await ran(["lama3.2"], host, pullUnknown);
  assert.equal(code, 4);
  assert.match(err, /^hint: did you mean llama3\.2:latest, which is installed$/m);
});

Deno.test("runPull() in JSON ends every model with an event, also those that a signal kept from beginning", async () => {
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

/** A pull that tries again once, for a reason of this kind, and fails of it. */
function pullRetrying(kind: Kind, retries = 1): Pull {
  return (name, emit) => {
    emit({ event: "pull_start", name });
    const error = new PullamaError(kind, "no answer", { hint: "see pullama doctor" });
    for (let attempt = 1; attempt <= retries; attempt++) {
      emit({ event: "retry", digest: undefined, attempt, limit: 6, waitMs: 1, error });
    }
    return Promise.reject(error);
  };
}

const MEANT = "hint: did you mean the command: pullama list\n";

Deno.test("a slip in the name of a command is spoken of once, before the network is tried again", async () => {
  for (const kind of ["network", "timeout", "unavailable"] as const) {
    const { err } = await ran(["lsit"], fakeHost(), pullRetrying(kind, 3));
    assert.equal(
      err,
      `${MEANT}cannot pull lsit:latest: no answer\nhint: see pullama doctor\n`,
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

Deno.test("no command is spoken of where the model goes well, is installed, or is not nearly one", async () => {
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

Deno.test("several models are counted above each of them", async () => {
  const host = fakeHost({ terminal: () => fakeTerminal({ interactive: true, unicode: true }) });
  const { out } = await ran(["a", "b"], host);
  assert.match(out, /pulling a:latest · 1\/2 /);
  assert.match(out, /pulling b:latest · 2\/2 /);
});
