import assert from "node:assert/strict";
import { FROM_GO, textOf } from "../../queue/place.ts";
import { colorTerminal, screenOf } from "../../ui/fake_terminal.ts";
import { SECRET } from "../../ui/pull_events.ts";
import { fakeHost, ran } from "../fake_host.ts";
import { queueScene } from "./scene.ts";

Deno.test("queue add creates the queue in a missing models folder, and reports what it added", async () => {
  await using it = await queueScene();
  const first = await it.queue("add llama3.2 mistral:7b phi3:mini");
  assert.deepEqual([first.code, first.out, first.err], [0, "added 3 models to the queue\n", ""]);
  const second = await it.queue("add phi3:mini user/m phi3:mini");
  assert.equal(
    second.out,
    "skipped phi3:mini: already in the queue\n".repeat(2) + "added 1 model to the queue\n",
  );
  const third = await it.queue("add llama3.2 -q");
  assert.deepEqual([third.code, third.out, third.err], [0, "", ""]);
  assert.deepEqual(it.words(), ["llama3.2 queued", "mistral queued", "phi3 queued", "m queued"]);
});

Deno.test("queue add changes the scheme of a queued model and reports it, and the list shows it", async () => {
  await using it = await queueScene();
  const name = "10.0.0.1:5000/a/m";
  await it.queue(`add ${name} b`);
  const http = await it.queue(`add http://${name} b`);
  assert.equal(
    http.out,
    `${name}:latest is already queued; it will now be pulled over plain http\n` +
      "skipped b:latest: already in the queue\nadded 0 models to the queue\n",
  );
  assert.match(
    (await it.queue("list")).out,
    /^- 1 http:\/\/10\.0\.0\.1:5000\/a\/m:latest queued$/m,
  );
  assert.equal((await it.queue("list -q")).out, `http://${name}:latest\nb:latest\n`);
  assert.match((await it.queue("list -v")).out, /^- 1 http:\/\/\S+ +queued\n- 2 registry\./);
  const same = await it.queue(`add http://${name}`);
  assert.match(same.out, /^skipped /);
  const https = await it.queue(`add https://${name}`);
  assert.match(
    https.out,
    /^\S+ is already queued; it will now be pulled over https\nadded 0 models/,
  );
  assert.doesNotMatch((await it.queue("list")).out, /http/);
});

Deno.test("queue help prints the help of queue and of its subcommands", async () => {
  const help = (await ran(["help", "queue"])).out;
  assert.equal((await ran(["queue", "help"])).out, help);
  assert.doesNotMatch(help, /^ {2}help/m);
  const start = (await ran(["queue", "help", "start"])).out;
  assert.equal(start, (await ran(["help", "queue", "start"])).out);
  const slip = await ran(["queue", "help", "strat"]);
  assert.deepEqual([slip.code, slip.out], [1, ""]);
  assert.match(slip.err, /unknown command 'strat'\n\(Did you mean start\?\)\nhint: /);
});

Deno.test("queue add adds all models or none, and creates nothing for none", async () => {
  await using it = await queueScene();
  const { code, out, err } = await it.queue("add a .b c");
  assert.deepEqual([code, out], [1, ""]);
  assert.match(err, /^invalid model name "\.b": /);
  assert.throws(() => Deno.statSync(it.models), Deno.errors.NotFound);
});

Deno.test("every queue command finds the models folder by flag, OLLAMA_MODELS and home directory", async () => {
  await using it = await queueScene();
  const env = { OLLAMA_MODELS: it.models };
  assert.equal((await ran(["queue", "add", "a"], fakeHost({ env }))).code, 0);
  assert.deepEqual(it.words(), ["a queued"]);
  const list = await ran(["--models-dir", it.models, "queue", "list"]);
  assert.equal(list.out, "- 1 a:latest queued\n");
  const home = fakeHost({ env: { HOME: it.models.replace("/some/models", "") } });
  assert.equal((await ran(["queue", "list"], home)).out, "the queue is empty\n");
  const start = await ran(["queue", "start", "-q"], fakeHost({ env }));
  assert.deepEqual([start.pulled, start.options?.modelsDir], [["a:latest"], it.models]);
  assert.equal((await ran(["queue", "rm", "1"], fakeHost({ env }))).code, 0);
  assert.deepEqual(it.words(), []);
});

Deno.test("queue list prints mark, position, name, state and error in columns", async () => {
  await using it = await queueScene();
  it.write(textOf("llama3.2", "b completed", "c paused"));
  assert.equal(
    (await it.queue("list")).out,
    [
      "- 1 llama3.2:latest queued\n",
      "+ 2 b:latest        completed\n",
      "- 3 c:latest        paused\n",
    ].join(""),
  );
  it.write(FROM_GO);
  const seen = fakeHost({ terminal: () => colorTerminal(120) });
  const { out } = await it.queue("ls", seen);
  assert.deepEqual(screenOf(out).rows, [
    "✓ 1 llama3.2:latest completed",
    '! 2 mistral:7b      failed: status 500: <html> a & b   "c"',
    "· 3 phi3:mini       queued",
  ]);
  const full = (await it.queue("list --verbose")).out;
  assert.match(full, /^- 3 registry\.ollama\.ai\/library\/phi3:mini {7}queued$/m);
  assert.equal((await it.queue("list --output compact")).out, (await it.queue("list")).out);
  assert.equal((await it.queue("list -q")).out, "llama3.2:latest\nmistral:7b\nphi3:mini\n");
});

Deno.test("queue list fits every window, with the error on its own line if necessary", async () => {
  await using it = await queueScene();
  const error = `a long reason ${"x ".repeat(60)}`;
  const entries = JSON.parse(textOf("a-model-with-a-long-name", "b failed", "日本 failed")).entries;
  it.write(JSON.stringify({ entries: entries.map((entry: object) => ({ ...entry, error })) }));
  for (let columns = 1; columns < 150; columns += 3) {
    const { out } = await it.queue("list", fakeHost({ terminal: () => colorTerminal(columns) }));
    const { widest, rows } = screenOf(out);
    assert.ok(widest < Math.max(5, columns), `${widest} of ${columns}`);
    if (columns === 40) assert.match(rows[2]!, /^! 2 b:latest +failed$/);
    if (columns === 40) assert.match(rows[3]!, /^ {4}a long reason x/);
  }
  const { out } = await it.queue("list");
  assert.equal(out.split("\n").length, 4);
  assert.ok(out.includes(error.trim()));
});

Deno.test("queue list --output json prints one document on one line", async () => {
  await using it = await queueScene();
  assert.deepEqual(JSON.parse((await it.queue("list --output json")).out), { entries: [] });
  it.write(FROM_GO);
  await it.queue("add http://10.0.0.1:5000/a/m:7b");
  const { out, err } = await it.queue("list --output json");
  assert.deepEqual([err, out.indexOf("\n")], ["", out.length - 1]);
  const { entries } = JSON.parse(out);
  assert.deepEqual(entries[1], {
    position: 2,
    name: "mistral:7b",
    full_name: "registry.ollama.ai/library/mistral:7b",
    status: "failed",
    added_at: "2026-03-01T09:58:12.5+01:00",
    finished_at: "2026-03-01T10:05:00+01:00",
    error: 'status 500: <html> a & b   "c"',
  });
  const { added_at, ...last } = entries[3];
  assert.equal(Date.parse(added_at), fakeHost().clock.date().getTime());
  assert.deepEqual(last, {
    position: 4,
    name: "10.0.0.1:5000/a/m:7b",
    full_name: "10.0.0.1:5000/a/m:7b",
    scheme: "http",
    status: "queued",
  });
});

Deno.test("queue list prints no control characters from the queue file", async () => {
  await using it = await queueScene();
  const entry = {
    model: "m",
    name: `https://u:${SECRET}@h/\x1b[2Jx`,
    status: "fai\x1b[31mled",
    error: `\x07see https://u:${SECRET}@h/x?sig=${SECRET}`,
  };
  it.write(JSON.stringify({ entries: [entry, { status: "queued" }] }));
  for (const mode of ["table", "compact", "json", "debug"]) {
    const { code, out } = await it.queue(`list --output ${mode}`);
    assert.equal(code, 0);
    assert.ok(!out.includes(SECRET) && !/\p{Cc}/u.test(out.replaceAll("\n", "")), out);
  }
  const started = await it.queue("start");
  assert.equal(started.code, 1);
  assert.match(started.err, /^invalid model name "registry\.ollama\.ai\/library\/:latest"/);
  assert.match(it.text(), /"status": "failed"/);
});

Deno.test("queue rm --done removes what is completed and nothing else", async () => {
  await using it = await queueScene();
  assert.deepEqual((await it.queue("rm --done")).out, "no entry is completed\n");
  assert.throws(() => it.text(), Deno.errors.NotFound);
  it.write(textOf("a completed", "b failed", "c", "d completed", "e active"));
  const { code, out } = await it.queue("rm --done");
  assert.deepEqual(
    [code, out],
    [0, "removed a:latest from the queue\nremoved d:latest from the queue\n"],
  );
  assert.equal((await it.queue("list -q")).out, "b:latest\nc:latest\ne:latest\n");
  const again = await it.queue("rm --done --output json");
  assert.deepEqual(JSON.parse(again.out), { removed: [] });
});

Deno.test("queue rm removes several positions, or reports why it removed none", async () => {
  await using it = await queueScene();
  const none = await it.queue("rm 1");
  assert.deepEqual([none.code, none.err], [
    1,
    "there is no entry 1 in the queue\nhint: the queue is empty\n",
  ]);
  assert.throws(() => Deno.statSync(it.models), Deno.errors.NotFound);
  it.write(textOf("a", "b", "c failed", "d"));
  const { code, out, err } = await it.queue("rm 4 2");
  assert.deepEqual([code, err], [0, ""]);
  assert.equal(out, "removed b:latest from the queue\nremoved d:latest from the queue\n");
  const range = await it.queue("rm 1 3");
  assert.equal(range.code, 1);
  assert.match(
    range.err,
    /^there is no entry 3 in the queue\nhint: it has 2 entries; nothing was removed\n$/,
  );
  assert.match((await it.queue("rm 4 3 4")).err, /^there are no entries 4, 3 in the queue\n/);
  assert.match((await it.queue("rm 4 4")).err, /^there is no entry 4 in the queue\n/);
  for (const word of ["0", "x", "1.5", "-1", "1e1"]) {
    const { code, err } = await it.queue(`rm 1 ${word}`);
    assert.equal(code, 1);
    assert.match(err, /Expected a whole number from 1/);
  }
  assert.deepEqual(it.words(), ["a queued", "c failed"]);
});

Deno.test({
  name:
    "case 94: files that queue commands create as root belong to the owner of the models folder",
  ignore: Deno.build.os === "windows" || Deno.uid() !== 0,
  async fn() {
    await using it = await queueScene();
    Deno.mkdirSync(it.models, { recursive: true });
    Deno.chownSync(it.models, 12345, 23456);
    Deno.chmodSync(it.models, 0o2775);
    await it.queue("add a b");
    await it.queue("start");
    const made = [...Deno.readDirSync(`${it.models}/.pullm`)].map(({ name }) => `/${name}`);
    assert.deepEqual(made.sort(), ["/queue.json", "/queue.lock", "/runner.lock"]);
    for (const name of ["", ...made]) {
      const { uid, gid, mode } = Deno.statSync(`${it.models}/.pullm${name}`);
      const bits = (mode! & 0o7777).toString(8);
      assert.deepEqual([uid, gid, bits], [12345, 23456, name === "" ? "2775" : "664"], name);
    }
  },
});

Deno.test("queue exits with 1 for usage errors, and suggests similar commands", async () => {
  const cases = [
    ["queue", /Usage: pullama queue <add\|list\|rm\|start>/],
    ["queue frobnicate", /unknown command 'frobnicate'/],
    ["queue strat", /Did you mean start\?/],
    ["queue add", /missing required argument 'model'/],
    ["queue rm", /^name the positions to remove, or --done for all completed entries\nhint: /],
    ["queue rm --done 1", /^name either positions to remove, or --done/],
    ["queue add m --connections 2", /unknown option '--connections'/],
    ["queue start m", /too many arguments/],
    ["queue start --connections 0", /from 1 to 64/],
  ] as const;
  for (const [line, pattern] of cases) {
    const { code, out, err } = await ran(line.split(" "));
    assert.deepEqual([code, out], [1, ""], line);
    assert.match(err, pattern, line);
  }
  assert.match((await ran(["help", "queue", "start"])).out, /--limit-rate/);
  assert.deepEqual((await ran(["pull", "queue", "list"])).pulled, ["queue:latest", "list:latest"]);
});

Deno.test("every queue command reports a damaged queue file, exits with 1 and keeps the file", async () => {
  await using it = await queueScene();
  const damaged = '{"entries":[{"model":"a"';
  it.write(damaged);
  for (const line of ["add b", "list", "list --output json", "rm 1", "start", "start --dry-run"]) {
    const { code, out, err, opened } = await it.queue(line);
    assert.deepEqual([code, opened], [1, 0], line);
    if (!line.includes("json")) assert.equal(out, "", line);
    assert.ok(err.startsWith(`cannot read the queue in ${it.file}: it is not JSON\nhint: `), err);
    assert.equal(it.text(), damaged);
  }
});
