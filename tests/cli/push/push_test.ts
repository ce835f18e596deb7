import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import schema from "../../../docs/json-events.schema.json" with { type: "json" };
import { makeModel } from "../../fakes/model.ts";
import { startRegistry } from "../../fakes/registry.ts";
import { install } from "../../store/installed_models.ts";
import { startUploadRegistry, type UploadRegistry } from "../../fakes/upload_registry.ts";
import { colorTerminal, screenOf } from "../../ui/fake_terminal.ts";
import { type FakeHost, fakeHost } from "../fake_host.ts";
import { run } from "../../../src/cli/program.ts";
import { PushPrinter } from "../../../src/cli/push/printer.ts";
import { digestOf } from "../../../src/core/digest.ts";
import { PullamaError } from "../../../src/core/errors.ts";
import { parseName } from "../../../src/core/name.ts";
import { wire } from "../../../src/cli/wire.ts";
import { contentOf, type Place, place, SIZE } from "../archive/place.ts";

interface PushPlace extends Place {
  readonly registry: UploadRegistry;
  readonly to: readonly string[];
}

async function pushPlace(): Promise<PushPlace> {
  await using stack = new AsyncDisposableStack();
  const at = stack.use(await place());
  const registry = stack.use(await startUploadRegistry());
  const owned = stack.move();
  return {
    ...at,
    registry,
    to: ["--to", registry.host, "--insecure"],
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

Deno.test("push copies models, which are then pulled from a mirror", async () => {
  await using at = await pushPlace();
  const { code, out, err } = await at.ran(["push", "a", "b", ...at.to]);
  assert.deepEqual([code, err], [0, ""]);
  assert.match(out, /^> pushing a:latest to http:\S+\/library\/a$/m);
  assert.match(out, /^\+ pushed b:latest to http:\S+\/library\/b$/m);
  assert.match(out, /^2 of 2 models pushed$/m);
  const other = `${at.folder}/other`;
  const pulled = await at.ran(
    ["pull", "a", "b", "--mirror", at.registry.url, "--offline"],
    other,
  );
  assert.equal(pulled.code, 0, pulled.err);
  assert.deepEqual(contentOf(other), contentOf(at.models));
  const again = await at.ran(["push", "--all", ...at.to, "-q"]);
  assert.equal(again.code, 0);
  assert.match(again.out, /^\+ pushed a:latest to \S+\n {2}.*0 B sent/m);
});

Deno.test("models of other registries get the names that mirrors have for them", async () => {
  await using at = await pushPlace();
  install(at.models, "10.0.0.9:5000/team/c/v1", makeModel({ size: 1000 }));
  const to = ["--to", `${at.registry.host}/all/models`, "--insecure"];
  const { code, err } = await at.ran(["push", "10.0.0.9:5000/team/c:v1", ...to]);
  assert.deepEqual([code, err], [0, ""]);
  assert.ok(at.registry.manifests.get("all/models/10.0.0.9_5000/team/c")?.has("v1"));
});

Deno.test("a model with capitals is pushed in lower case, and pulled from that mirror by its own name", async () => {
  await using at = await pushPlace();
  const name = "hf.co/Some/Model-GGUF:Q4_K_M";
  install(at.models, "hf.co/Some/Model-GGUF/Q4_K_M", makeModel({ size: SIZE }));
  assert.equal((await at.ran(["push", name, ...at.to])).code, 0);
  const other = `${at.folder}/other`;
  const pulled = await at.ran(
    ["pull", name, "--mirror", at.registry.url, "--offline", "--verbose"],
    other,
  );
  assert.equal(pulled.code, 0, pulled.err);
  assert.ok(Deno.statSync(`${other}/manifests/hf.co/Some/Model-GGUF/Q4_K_M`).isFile);
  const blobs = pulled.out.match(/GET \S+\/blobs\/\S+/g) ?? [];
  assert.ok(blobs.length > 0 && blobs.every((one) => one.includes("/hf.co/some/model-gguf/")));
  const missing = await at.ran(
    ["pull", "hf.co/Other/Model", "--mirror", at.registry.url, "--offline"],
    other,
  );
  assert.equal(missing.code, 4);
});

Deno.test("push --dry-run says what would be sent, and sends nothing", async () => {
  await using at = await pushPlace();
  const { code, out } = await at.ran(["push", "a", ...at.to, "--dry-run"]);
  assert.equal(code, 0);
  assert.match(out, /5 blobs, 3\.1 MB, 0 B there, 3\.1 MB to send/);
  assert.match(out, /^ {4}upload [0-9a-f]{12} 3\.1 MB$/m);
  assert.equal(at.registry.received, 0);
});

Deno.test("push --output json prints events that match the schema", async () => {
  await using at = await pushPlace();
  at.registry.fault = ({ method }, n) => method === "POST" && n === 1 ? { status: 503 } : undefined;
  const lines: Record<string, unknown>[] = [];
  for (const more of [["--dry-run"], ["--verbose"], ["--verbose"]]) {
    const { code, out, err } = await at.ran([
      "push",
      "a",
      "b",
      ...at.to,
      "--output",
      "json",
      ...more,
    ]);
    assert.deepEqual([code, err], [0, ""]);
    lines.push(...out.trimEnd().split("\n").map((line) => JSON.parse(line)));
  }
  const failed = await at.ran(["push", "nosuch", ...at.to, "--output", "json"]);
  assert.equal(failed.code, 4);
  lines.push(...failed.out.trimEnd().split("\n").map((line) => JSON.parse(line)));
  const validate = new Ajv2020({ validateFormats: false }).compile(schema);
  for (const line of lines) assert.ok(validate(line), JSON.stringify([line, validate.errors]));
  const events = new Set(lines.map(({ event }) => event));
  for (
    const event of [
      ...["push_start", "push_manifest", "upload_start", "blob_pushed", "blob_mounted", "progress"],
      ...["manifest_pushed", "push_completed", "push_dry_run", "push_failed", "request", "retry"],
    ]
  ) assert.ok(events.has(event), event);
  const last = lines.findLast(({ event, pct }) => event === "progress" && pct !== undefined);
  assert.equal(last?.["pct"], 100);
});

Deno.test("on a terminal a push shows its progress once its size is known, and none at its end", async () => {
  await using at = await pushPlace();
  const host = fakeHost({ terminal: () => colorTerminal() });
  const { code, out } = await at.ran(["push", "a", ...at.to], at.models, host);
  assert.equal(code, 0);
  assert.doesNotMatch(out, /pushing 0 B\s/);
  const { rows } = screenOf(out);
  assert.deepEqual(rows.filter((row) => row.includes("%")), []);
  assert.match(rows.join("\n"), /^✓ pushed a:latest to \S+\n {2}.* 3\.1 MB sent · /m);
});

for (const mode of ["table", "json"] as const) {
  for (const how of ["failed", "interrupted"] as const) {
    Deno.test(`a push that has ${how} shows no bytes that are sent after that: ${mode}`, () => {
      let time = 0;
      const fake = fakeHost({ terminal: () => colorTerminal() });
      const host = { ...fake, clock: { ...fake.clock, now: () => time } };
      const digest = digestOf("a".repeat(64));
      const name = parseName("a");
      const printer = new PushPrinter(host, { mode, quiet: false, verbose: false, color: false });
      printer.event({ event: "push_manifest", digest, blobs: 1, size: SIZE, there: 0 });
      time += 1000;
      printer.event({ event: "bytes", count: 1000, moved: 1000 });
      if (how === "failed") printer.failed(name, new PullamaError("refused", "too large"));
      else printer.interrupted(name);
      const before = host.out.text;
      time += 1000;
      printer.event({ event: "bytes", count: 1000, moved: 1000 });
      assert.equal(host.out.text, before);
    });
  }
}

Deno.test("push stops at a signal, and says how to continue", async () => {
  await using at = await pushPlace();
  const host = fakeHost();
  at.registry.fault = ({ method }, n) =>
    method === "POST" && n === 3
      ? { pauseAfter: 0, meanwhile: () => Promise.resolve(host.interrupt()) }
      : method === "POST" && n === 2
      ? (host.interrupt(), undefined)
      : undefined;
  const { code, err, out } = await at.ran(["push", "a", "b", ...at.to], at.models, host);
  assert.equal(code, 0, err);
  assert.match(err, /resume with: pullama push a b --to 127\S+ --models-dir \S+ --insecure$/m);
  assert.equal(out.match(/^stopped: .* at the registry$/gm)?.length, 1);
  assert.equal(at.registry.manifests.size, 0);
});

Deno.test("push names each failure, and goes to the next model", async () => {
  await using at = await pushPlace();
  const { code, err, out } = await at.ran(["push", "nosuch", "a", ...at.to]);
  assert.equal(code, 4);
  assert.match(err, /^cannot push nosuch:latest: it is not installed in .*\nhint: see which/);
  assert.match(out, /^ {2}failed nosuch:latest: .*\n {2}pushed a:latest$/m);
  const nothing = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = nothing.addr as Deno.NetAddr;
  nothing.close();
  const gone = await at.ran([
    ...["push", "a", "--to", `127.0.0.1:${port}`, "--insecure", "--max-retries", "0"],
  ]);
  assert.equal(gone.code, 1);
  assert.match(
    gone.err,
    /^cannot push a:latest: cannot reach 127\.[\d.:]+: connection refused/,
  );
});

Deno.test("push --from-registry copies from registry to registry without a models folder", async () => {
  await using at = await pushPlace();
  await using source = await startRegistry();
  const model = source.add("team/c:v1", makeModel({ size: SIZE * 2 }));
  const name = `http://${model.name}`;
  const none = `${at.folder}/none`;
  const host: FakeHost = fakeHost();
  const args = ["push", name, ...at.to, "--from-registry"];
  const code = await run(args, host, wire);
  assert.deepEqual([code, host.err.text], [0, ""]);
  const repository = `${source.host.replace(":", "_")}/team/c`;
  assert.deepEqual(at.registry.manifests.get(repository)!.get("v1")!.bytes, model.manifest);
  assert.throws(() => Deno.statSync(none));
  const mirrored = fakeHost();
  const other = ["push", "a", "--from-registry", "--mirror", at.registry.url, ...at.to];
  await at.ran(["push", "a", ...at.to]);
  assert.equal(await run([...other, "--dry-run", "--max-retries", "0"], mirrored, wire), 0);
});

const WRONG: readonly (readonly [readonly string[], RegExp])[] = [
  [["a"], /required option '--to/],
  [["--to", "host"], /name the models to push, or --all/],
  [["a", "--all", "--to", "host"], /--all is all models/],
  [["--all", "--from-registry", "--to", "host"], /not with --from-registry/],
  [["a", "--to", "host/../x"], /cannot push to/],
  [["a", "--to", "me:secret@host"], /contains credentials/],
  [["a", "--to", "host", "--mirror", "http://x"], /--mirror is of use only with --from-registry/],
  [["a", "--to", "host", "--chunk-size", "1"], /chunk-size/],
  [["a", "--to", "host", "--connections", "0"], /connections/],
];

for (const [args, says] of WRONG) {
  Deno.test(`push ${args.join(" ").replace("secret", "...")} is a usage error`, async () => {
    const host = fakeHost();
    assert.equal(await run(["push", ...args], host, wire), 1);
    assert.match(host.err.text, says);
    assert.ok(!host.err.text.includes("secret"));
  });
}
