import assert from "node:assert/strict";
import { relative } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import schema from "../../../docs/json-events.schema.json" with { type: "json" };
import { run } from "../../../src/cli/program.ts";
import { wire } from "../../../src/cli/wire.ts";
import { PullamaError } from "../../../src/core/errors.ts";
import type { Emit } from "../../../src/core/events.ts";
import type { ModelName } from "../../../src/core/name.ts";
import { stopSteps } from "../../../src/core/stop.ts";
import { textOf } from "../../queue/place.ts";
import { colorTerminal, screenOf } from "../../ui/fake_terminal.ts";
import { SECRET } from "../../ui/pull_events.ts";
import {
  except,
  failing,
  type FakeHost,
  fakeHost,
  type Pull,
  pullUnknown,
  pullWell,
  ran,
} from "../fake_host.ts";
import { queueScene } from "./scene.ts";
import { testWith } from "../../needs.ts";

/** A host with a stepwise stop, and a function that sends a signal. */
function signalled(parts?: Parameters<typeof fakeHost>[0]) {
  const steps = stopSteps();
  const host: FakeHost = { ...fakeHost(parts), stop: steps.stop };
  const signal = () => steps.next(new PullamaError("interrupted", "interrupted by a signal"));
  return { host, signal };
}

/** A pull that runs until `stop` is aborted. */
function pullUntil(stop: AbortSignal, begun: () => void): Pull {
  return async (name, emit) => {
    emit({ event: "pull_start", name });
    begun();
    if (!stop.aborted) await new Promise((resolve) => stop.addEventListener("abort", resolve));
    emit({ event: "pull_interrupted", name, kept: 1, size: 2 });
    throw new PullamaError("interrupted", "interrupted by a signal");
  };
}

Deno.test("case 107: queue start pulls models by full name, with the scheme they were added with", async () => {
  await using it = await queueScene();
  await it.queue(
    "add hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M user/m http://10.0.0.1:5000/a/b",
  );
  const schemes: (string | undefined)[] = [];
  const { code, pulled, opened, closed } = await it.queue("start", undefined, (name, emit) => {
    schemes.push(name.scheme);
    return pullWell(name, emit);
  });
  assert.deepEqual([code, opened, closed], [0, 1, 1]);
  assert.deepEqual(pulled, [
    "hf.co/bartowski/Llama-3.2-1B-Instruct-GGUF:Q4_K_M",
    "user/m:latest",
    "10.0.0.1:5000/a/b:latest",
  ]);
  assert.deepEqual(schemes, [undefined, undefined, "http"]);
});

Deno.test("case 110: queue start continues after a failure, exits with its code and prints a summary", async () => {
  await using it = await queueScene();
  await it.queue("add a nosuch user/c");
  const { code, out, err } = await it.queue("start", undefined, except({ nosuch: pullUnknown }));
  assert.equal(code, 4);
  assert.deepEqual(out.split("\n").filter((line) => /queue/.test(line)), [
    "> queue [1/3] pulling a:latest",
    "> queue [1/3] + completed a:latest",
    "> queue [2/3] pulling nosuch:latest",
    "> queue [2/3] ! failed nosuch:latest",
    "> queue [3/3] pulling user/c:latest",
    "> queue [3/3] + completed user/c:latest",
  ]);
  assert.ok(out.endsWith(
    "2 of 3 models pulled\n  pulled a:latest\n" +
      "  failed nosuch:latest: model not found on registry.ollama.ai\n  pulled user/c:latest\n",
  ));
  assert.equal(
    err,
    "cannot pull nosuch:latest: model not found on registry.ollama.ai\n" +
      "hint: see https://ollama.com/library\n" +
      `hint: to retry the failed models: pullama queue add nosuch:latest --models-dir ${it.models}\n`,
  );
  assert.deepEqual(it.words(), ["a completed", "nosuch failed", "c completed"]);
  assert.match(
    (await it.queue("list")).out,
    /^! 2 nosuch:latest failed: model not found on registry.ollama.ai$/m,
  );

  const again = await it.queue("start");
  assert.deepEqual([again.code, again.pulled, again.out], [0, [], "nothing is queued\n"]);
  assert.equal((await it.queue("add nosuch")).out, "added 1 model to the queue\n");
  assert.deepEqual(it.words(), ["a completed", "c completed", "nosuch queued"]);
  assert.deepEqual((await it.queue("start -q")).pulled, ["nosuch:latest"]);
});

Deno.test("queue start exits with the code of the first of several failures", async () => {
  await using it = await queueScene();
  await it.queue("add a b c");
  const auth = failing(new PullamaError("auth", `no key at https://h/?x=${SECRET}`));
  const { code, err } = await it.queue("start", undefined, except({ b: auth, c: pullUnknown }));
  assert.equal(code, 3);
  assert.match(err, /hint: to retry the failed models: pullama queue add b:latest c:latest --/);
  assert.ok(!it.text().includes(SECRET), it.text());
});

Deno.test("queue start marks no entry as failed if no pull can be started", async () => {
  await using it = await queueScene();
  it.write(textOf("a", "b"));
  const host = fakeHost();
  const line = ["queue", "start", "--ca-cert", "/nowhere/ca.pem", "--models-dir", it.models];
  assert.equal(await run(line, host, wire), 1);
  assert.match(host.err.text, /\/nowhere\/ca\.pem/);
  assert.deepEqual(it.words(), ["a queued", "b queued"]);
});

Deno.test("queue start with no queued model prints that, opens nothing and creates nothing", async () => {
  await using it = await queueScene();
  const { code, out, err, opened } = await it.queue("start");
  assert.deepEqual([code, out, err, opened], [0, "nothing is queued\n", "", 0]);
  assert.throws(() => Deno.statSync(it.models), Deno.errors.NotFound);
  assert.equal((await it.queue("start --quiet")).out, "");
});

Deno.test("queue start accepts the flags of a pull", async () => {
  await using it = await queueScene();
  await it.queue("add m");
  const flags = "--insecure --connections 7 --limit-rate 5M --retry-for forever --force";
  const { options } = await it.queue(`start ${flags}`);
  const { insecure, connections, limitRate, retryForMs, force } = options!;
  assert.deepEqual(
    [insecure, connections, limitRate, retryForMs, force],
    [true, 7, { usual: 5e6, at: [] }, Infinity, true],
  );
});

Deno.test("queue start --dry-run checks all queued models and changes nothing", async () => {
  await using it = await queueScene();
  const text = textOf("a completed", "b", "c active", "d failed");
  it.write(text);
  const { code, out, pulled, options } = await it.queue("start --dry-run");
  assert.deepEqual([code, pulled, options?.dryRun], [0, ["b:latest", "c:latest"], true]);
  assert.match(out, /^would pull b:latest\n[^]*\n2 of 2 models checked\n/);
  assert.equal(it.text(), text);
  assert.deepEqual([...Deno.readDirSync(`${it.models}/.pullm`)].map(({ name }) => name), [
    "queue.json",
  ]);
});

Deno.test("queue start refuses to check what will be queued, and changes nothing", async () => {
  await using it = await queueScene();
  it.write(textOf("a completed"));
  const { code, err, pulled } = await it.queue("start --watch --dry-run");
  assert.deepEqual([code, pulled], [1, []]);
  assert.match(err, /^--watch is of no use with --dry-run\nhint: /);
  assert.equal(it.text(), textOf("a completed"));
});

Deno.test("queue start prints lines around each pull on a terminal, none wider than the window", async () => {
  await using it = await queueScene();
  await it.queue("add llama3.2 nosuch");
  const host = fakeHost({ terminal: () => colorTerminal(50) });
  const { out } = await it.queue("start", host, except({ nosuch: pullUnknown }));
  const { rows, cursorShown } = screenOf(out);
  assert.equal(rows[0], "▸ queue [1/2] pulling llama3.2:latest");
  assert.equal(rows[1], "▸ pullama");
  assert.match(rows[2]!, /^╭─ pulling llama3\.2:latest · queue 1\/2 ─+╮$/);
  const at = rows.indexOf("▸ queue [1/2] ✓ completed llama3.2:latest");
  assert.match(rows[at - 1]!, /^╚═+╝$/);
  assert.equal(rows[at + 1], "▸ queue [2/2] pulling nosuch:latest");
  assert.ok(rows.includes("▸ queue [2/2] ! failed nosuch:latest"));
  assert.equal(cursorShown, true);
  for (let columns = 1; columns < 60; columns += 7) {
    await it.queue("add nosuch");
    const narrow = fakeHost({ terminal: () => colorTerminal(columns) });
    const { out } = await it.queue("start", narrow, pullUnknown);
    for (const row of screenOf(out).rows.filter((line) => line.startsWith("▸"))) {
      assert.ok(row.length < Math.max(2, columns), `${row} in ${columns}`);
    }
  }
});

Deno.test("queue start --output compact prints the place in the queue before each pull", async () => {
  await using it = await queueScene();
  await it.queue("add a b");
  const { out } = await it.queue("start --output compact");
  assert.deepEqual(out.split("\n").filter((line) => /queue|pulling/.test(line)), [
    "queue [1/2]",
    "pulling a:latest",
    "queue [2/2]",
    "pulling b:latest",
  ]);
});

Deno.test("queue start --quiet prints one line for each pulled model", async () => {
  await using it = await queueScene();
  await it.queue("add a nosuch b");
  const { out, err } = await it.queue("start --quiet", undefined, except({ nosuch: pullUnknown }));
  assert.deepEqual(out.split("\n").map((line) => line.split(",")[0]), [
    "pulled a:latest",
    "pulled b:latest",
    "",
  ]);
  assert.match(err, /^cannot pull nosuch:latest/);
});

Deno.test("queue start --output json prints lines that match the schema, with the place in the queue", async () => {
  const isDate = (text: string) => !Number.isNaN(Date.parse(text));
  const isEvent = new Ajv2020({ strict: true, formats: { "date-time": isDate } }).compile(schema);
  await using it = await queueScene();
  it.write(JSON.stringify({ entries: [{ model: ".x", status: "queued" }] }));
  await it.queue("add user/a nosuch");
  const pull = except({ nosuch: pullUnknown });
  const { code, out } = await it.queue("start --output json", undefined, pull);
  const lines = out.trimEnd().split("\n").map((line) => JSON.parse(line));
  for (const line of lines) {
    assert.ok(isEvent(line), `${JSON.stringify(line)}: ${JSON.stringify(isEvent.errors)}`);
  }
  const entries = lines.filter(({ event }) => event === "queue_entry");
  assert.deepEqual(
    entries.map(({ Index, Count, Model, Status }) => [Index, Count, Model, Status]),
    [
      [1, 3, "registry.ollama.ai/library/.x:latest", "active"],
      [1, 3, "registry.ollama.ai/library/.x:latest", "failed"],
      [2, 3, "a", "active"],
      [2, 3, "a", "completed"],
      [3, 3, "nosuch", "active"],
      [3, 3, "nosuch", "failed"],
    ],
  );
  assert.equal(entries[3].Name, "registry.ollama.ai/user/a:latest");
  assert.equal(entries[5].Message, "model not found on registry.ollama.ai");
  const { event, Completed, Failed, Queued, ExitCode } = lines.at(-1);
  assert.deepEqual(
    [event, Completed, Failed, Queued, ExitCode, code],
    ["queue_end", 1, 2, 0, 1, 1],
  );

  await it.queue("add a");
  const quiet = (await it.queue("start --output json --quiet")).out.trimEnd().split("\n");
  assert.deepEqual(
    quiet.map((line) => JSON.parse(line).event),
    ["pull_completed", "queue_end"],
  );
  assert.match((await it.queue("start --output debug")).out, /queue_end/);
});

Deno.test("the first signal lets the current model finish with a warning, and leaves the rest queued", async () => {
  await using it = await queueScene();
  await it.queue("add a b c");
  const { host, signal } = signalled();
  const pull = (name: ModelName, emit: Emit) => {
    if (name.model === "b") assert.equal(signal(), true);
    return pullWell(name, emit);
  };
  const { code, out, err, pulled } = await it.queue("start", host, pull);
  assert.deepEqual([code, pulled], [0, ["a:latest", "b:latest"]]);
  assert.equal(
    err,
    "warning: stopping after b:latest\n" +
      "hint: a second signal stops this pull, which can be resumed; a third exits immediately\n" +
      `interrupted - resume with: pullama queue start --models-dir ${it.models}\n`,
  );
  assert.ok(out.endsWith(
    "2 of 3 models pulled\n  pulled a:latest\n  pulled b:latest\n  not started c:latest\n",
  ));
  assert.equal(host.stop.soft.aborted, false);
  assert.deepEqual(it.words(), ["a completed", "b completed", "c queued"]);
});

Deno.test("the second signal stops the current pull, whose entry is queued again in its place", async () => {
  await using it = await queueScene();
  await it.queue("add a b");
  const { host, signal } = signalled();
  const pull = pullUntil(host.stop.soft, () => {
    signal();
    assert.equal(host.stop.soft.aborted, false);
    queueMicrotask(signal);
  });
  const { code, out, err, pulled } = await it.queue("start", host, pull);
  assert.deepEqual([code, pulled], [0, ["a:latest"]]);
  assert.match(err, /\ninterrupted - resume with: pullama queue start --models-dir \S+\n$/);
  assert.match(out, /^> queue \[1\/2\] - stopped a:latest, queued again$/m);
  assert.ok(out.endsWith("0 of 2 models pulled\n  interrupted a:latest\n  not started b:latest\n"));
  assert.deepEqual(it.words(), ["a queued", "b queued"]);
  assert.equal(signal(), false);
  assert.equal(host.stop.hard.aborted, true);
});

Deno.test("a signal before queue start begins leaves the queue unchanged", async () => {
  await using it = await queueScene();
  await it.queue("add a");
  const { host, signal } = signalled();
  signal();
  const { code, pulled, err } = await it.queue("start", host);
  assert.deepEqual([code, pulled], [0, []]);
  assert.equal(
    err,
    `interrupted - resume with: pullama queue start --models-dir ${it.models}\n`,
  );
  assert.deepEqual(it.words(), ["a queued"]);
});

testWith(
  ["one root for all paths"],
  "queue start warns first that an Ollama server may use another folder",
  async () => {
    await using it = await queueScene();
    const env = { OLLAMA_MODELS: relative(Deno.cwd(), it.models) };
    await ran(["queue", "add", "a"], fakeHost({ env }));
    const { code, err } = await ran(["queue", "start"], fakeHost({ env }));
    assert.equal(code, 0);
    assert.match(err, /^warning: OLLAMA_MODELS is a relative path/);
    assert.deepEqual(it.words(), ["a completed"]);
  },
);
