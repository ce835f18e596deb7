/** The documents of `--output json` match docs/json-events.md. */

import assert from "node:assert/strict";
import { relative } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import schema from "../../docs/json-events.schema.json" with { type: "json" };
import { parseName } from "../../src/core/name.ts";
import { pathsOf } from "../../src/store/layout/paths.ts";
import { openFolder } from "../../src/store/store.ts";
import { linkTo } from "../fakes/link.ts";
import { makeModel } from "../fakes/model.ts";
import { startRegistry } from "../fakes/registry.ts";
import { writeModelsFolder } from "../fakes/models_folder.ts";
import { otherHolder } from "../io/other_process.ts";
import { textOf } from "../queue/place.ts";
import { CLOUD_STUB, config, install, layer, tensorModel } from "../store/installed_models.ts";
import { run as runProgram } from "../../src/cli/program.ts";
import { wire } from "../../src/cli/wire.ts";
import { fakeHost, type Ran, ran } from "./fake_host.ts";
import { testWith } from "../needs.ts";

const PAGE = Deno.readTextFileSync(new URL("../../docs/json-events.md", import.meta.url));

/** The fields under a heading with their types, and the example below them. */
function documented(heading: string): {
  readonly rows: ReadonlyMap<string, string>;
  readonly example: unknown;
} {
  const section = PAGE.split(/^### /m).find((part) => part.startsWith(`${heading}\n`));
  assert.ok(section !== undefined, heading);
  const rows = section.matchAll(/^\| `([^`]+)` \| (\w+)\??/gm);
  const [, json] = /^```json\n([^]*?)```$/m.exec(section) ?? [];
  return {
    rows: new Map([...rows].map(([, path, type]) => [path!, type!])),
    example: JSON.parse(json!),
  };
}

/** The paths of all fields in a document, in the notation of the page. */
function pathsIn(value: unknown, maps: ReadonlySet<string>, path = ""): string[] {
  if (Array.isArray(value) && value.some((one) => typeof one === "object")) {
    return value.flatMap((one) => pathsIn(one, maps, `${path}[]`));
  }
  if (typeof value !== "object" || value === null || Array.isArray(value) || maps.has(path)) {
    return [path];
  }
  const below = path === "" ? "" : `${path}.`;
  return Object.entries(value).flatMap(([key, inner]) => pathsIn(inner, maps, below + key));
}

/**
 * Every documented field occurs in one of the documents; every field in them and in the example is
 * documented.
 */
function assertDocumented(heading: string, documents: readonly unknown[]): void {
  const { rows, example } = documented(heading);
  const maps = new Set([...rows].filter(([, type]) => type === "map").map(([path]) => path));
  const real = new Set(documents.flatMap((one) => pathsIn(one, maps)));
  const lists = new Set([...rows.keys()].map((path) => path.split("[]")[0]!));
  const missing = [...rows.keys()].filter((path) => !real.has(path));
  const unknown = [...real, ...pathsIn(example, maps)].filter((path) =>
    !rows.has(path) && !lists.has(path)
  );
  assert.deepEqual({ missing, unknown }, { missing: [], unknown: [] }, heading);
}

interface Place extends AsyncDisposable {
  readonly models: string;
  run(line: string): Promise<Ran>;
  /** The only document that a command prints. */
  document(line: string): Promise<unknown>;
}

async function place(): Promise<Place> {
  const root = await Deno.makeTempDir({ prefix: "pullama-documents-" });
  const models = `${root}/models`;
  const run = (line: string) =>
    ran([...line.split(" "), "--output", "json", "--models-dir", models]);
  return {
    models,
    run,
    async document(line) {
      const { out } = await run(line);
      assert.match(out, /^\{.*\}\n$/, line);
      return JSON.parse(out);
    },
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

function writeQueue({ models }: Place, text: string): void {
  Deno.mkdirSync(`${models}/.pullm`, { recursive: true });
  Deno.writeTextFileSync(`${models}/.pullm/queue.json`, text);
}

Deno.test("docs/json-events.md lists exactly the fields of list --partial", async () => {
  await using at = await place();
  const digest = `sha256:${"0a".repeat(32)}` as const;
  const store = openFolder(at.models);
  const name = parseName("llama3.2");
  const intent = { name, digests: new Set([digest]), size: 9000, missing: 9000 };
  await using _session = await store.enter(new AbortController().signal, () => {}, intent);
  for (const hex of ["0a", "0b"]) {
    const path = `${at.models}/.pullm/sha256-${hex.repeat(32)}.partial`;
    await Deno.writeFile(path, new Uint8Array(5000));
  }
  assertDocumented("pullama list --partial", [await at.document("list --partial")]);
});

Deno.test("docs/json-events.md lists exactly the fields of status", async () => {
  await using at = await place();
  const digest = `sha256:${"0a".repeat(32)}` as const;
  const intent = {
    name: parseName("llama3.2"),
    digests: new Set([digest]),
    size: 9000,
    missing: 9000,
    hours: "22:00-06:00",
  };
  await using _session = await openFolder(at.models)
    .enter(new AbortController().signal, () => {}, intent);
  const path = `${at.models}/.pullm/sha256-${"0a".repeat(32)}.partial`;
  await Deno.writeFile(path, new Uint8Array(5000));
  await at.document("limit 2M");
  // A rate and an ETA need bytes that arrive.
  let size = 5000;
  const arriving = setInterval(() => Deno.writeFileSync(path, new Uint8Array(size += 10)), 20);
  try {
    let status;
    do status = await at.document("status"); while (
      !JSON.stringify(status).includes("eta_seconds")
    );
    assertDocumented("pullama status", [status]);
  } finally {
    clearInterval(arriving);
  }
});

Deno.test("docs/json-events.md lists exactly the fields of list and show", async () => {
  await using at = await place();
  const { models } = at;
  install(models, "llama3.2/latest", makeModel({ size: 0 }));
  install(models, "counted/latest", { ...makeModel({ size: 0 }), config: config({}) });
  install(models, "gpt-oss/120b-cloud", CLOUD_STUB);
  install(models, "tensors/latest", tensorModel(2));
  install(models, "cut/latest", { manifest: "{" });
  install(models, "twice/latest", { layers: [layer("license", "free")] });
  install(models, "twice/latest", { layers: [] }, { tree: "manifests-v2" });
  install(models, "rich/latest", {
    config: config({
      model_format: "gguf",
      model_family: "llama",
      model_families: ["llama"],
      model_type: "1B",
      file_type: "Q8_0",
      requires: "0.9.0",
    }),
    layers: [
      layer("model", "no weights"),
      layer("projector", makeModel({ size: 0 }).weights),
      layer("template", "{{ .Prompt }}"),
      layer("system", "You are terse."),
      layer("params", '{"stop":["x"]}'),
      layer("messages", '[{"role":"user","content":"hi"}]'),
    ],
  });
  assertDocumented("pullama list", [await at.document("list --digests")]);
  const names = ["llama3.2", "gpt-oss:120b-cloud", "tensors", "rich", "counted"];
  const shown = await Promise.all(names.map((name) => at.document(`show ${name}`)));
  assertDocumented("pullama show", shown);
});

Deno.test("docs/json-events.md lists exactly the fields of rm and clean", async () => {
  await using at = await place();
  writeModelsFolder(at.models);
  const removed = await at.document("rm llama3.2 nosuch .x");
  assertDocumented("pullama rm", [removed]);
  const dry = await at.document("clean --dry-run --queue");
  await using _holder = await otherHolder(pathsOf(at.models).storeLock);
  assertDocumented("pullama clean", [dry, await at.document("clean --dry-run")]);
});

Deno.test("docs/json-events.md lists exactly the fields of prune", async () => {
  await using at = await place();
  const blobs = `${at.models}/blobs`;
  Deno.mkdirSync(blobs, { recursive: true });
  for (const digit of ["a", "b"]) {
    Deno.writeTextFileSync(`${blobs}/sha256-${digit.repeat(64)}`, "unused");
  }
  Deno.utimeSync(`${blobs}/sha256-${"a".repeat(64)}`, 1, 1);
  const { out } = await ran(["prune", "--output", "json", "--models-dir", at.models]);
  assertDocumented("pullama prune", [JSON.parse(out)]);
});

Deno.test("docs/json-events.md lists exactly the fields of outdated", async () => {
  await using at = await place();
  await using registry = await startRegistry();
  const { name } = registry.add("library/moved:latest", makeModel({ size: 1 << 20, seed: 1 }));
  const { name: gone } = registry.add("library/gone:latest", makeModel({ size: 1000, seed: 2 }));
  const run = async (...args: string[]) => {
    const host = fakeHost();
    await runProgram([...args, "--insecure", "--models-dir", at.models], host, wire);
    return host.out.text;
  };
  await run("pull", name, gone);
  registry.add("library/moved:latest", makeModel({ size: 1 << 20, seed: 3 }));
  registry.faults.manifest = ({ path }) => path.includes("/gone/") ? { status: 404 } : undefined;
  const out = await run("outdated", name, gone, "nosuch", "--output", "json");
  assertDocumented("pullama outdated", [JSON.parse(out)]);
});

Deno.test("docs/json-events.md lists exactly the fields of verify", async () => {
  await using at = await place();
  writeModelsFolder(at.models);
  const { blobs } = pathsOf(at.models);
  const [one, two] = [...Deno.readDirSync(blobs)].map(({ name }) => `${blobs}/${name}`)
    .filter((path) => /sha256-[0-9a-f]{64}$/.test(path) && Deno.statSync(path).size > 20);
  Deno.truncateSync(one!, 5);
  Deno.writeTextFileSync(two!, "x".repeat(Deno.statSync(two!).size));
  const { out } = await ran(["verify", "--output", "json", "--models-dir", at.models]);
  const lines = out.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertDocumented("pullama verify", lines);
});

Deno.test("docs/json-events.md lists exactly the fields of doctor", async () => {
  await using at = await place();
  await using registry = await startRegistry({ blobHosts: 1 });
  const { name } = registry.add("library/tiny:latest", makeModel({ size: 1_000 }));
  const well = await at.document(`doctor ${name} --insecure`);
  const unknown = await at.document(`doctor ${name.replace("tiny", "nosuch")} --insecure`);
  assertDocumented("pullama doctor", [well, unknown]);
});

Deno.test("docs/json-events.md lists exactly the fields of queue list, add and rm", async () => {
  await using at = await place();
  const { entries } = JSON.parse(textOf("a completed", "b failed", "c"));
  const [a, b, c] = entries;
  const ended = { finished_at: "2026-01-02T03:04:06Z", error: "no such model" };
  writeQueue(at, JSON.stringify({ entries: [a, { ...b, ...ended }, c] }));
  const add = (names: string) => at.document(`queue add ${names}`);
  const [http, plain] = ["http://10.0.0.1:5000/a/m", "10.0.0.1:5000/a/m"];
  const pinned = `d@sha256:${"0a".repeat(32)}`;
  const added = [await add(`d ${http}`), await add(http), await add(plain), await add(http)];
  added.push(await add(pinned), await add(pinned), await add(pinned.replace("d", "e")));
  assertDocumented("pullama queue add", added);
  assertDocumented("pullama queue list", [await at.document("queue list")]);
  assertDocumented("pullama queue rm", [await at.document("queue rm 1 5")]);
});

testWith(
  ["symbolic links"],
  "every failed command prints one document with the error",
  async () => {
    await using at = await place();
    install(at.models, "llama3.2/latest", makeModel({ size: 0 }));
    const loop = `${at.models}/manifests/loop`;
    const broken = '{"entries":[{"model":"a"';
    const cases: readonly (readonly [string, string, number])[] = [
      ["show lama3.2", "not_found", 4],
      ["show .x", "invalid_name", 1],
      ["doctor .x", "invalid_name", 1],
      ["clean .x", "invalid_name", 1],
      ["queue add .x", "invalid_name", 1],
      ["queue rm 7", "usage", 1],
      ["list", "local", 1],
      ["queue list", "local", 1],
      ["queue add b", "local", 1],
      ["queue rm 1", "local", 1],
    ];
    const documents: unknown[] = [];
    for (const [line, kind, exitCode] of cases) {
      if (kind === "local" && documents.length === 6) {
        linkTo(loop, loop);
        writeQueue(at, broken);
      }
      const { code, out, err } = await at.run(line);
      assert.match(out, /^\{.*\}\n$/, line);
      const document = JSON.parse(out);
      documents.push(document);
      assert.deepEqual([code, document.error.kind], [exitCode, kind], line);
      assert.equal(document.error.exit_code, exitCode, line);
      assert.ok(err.startsWith(document.error.message), line);
      assert.deepEqual(Object.keys(document), ["error"], line);
    }
    assertDocumented("Errors", documents);
    assert.equal((await ran(["show", "x", "--models-dir", at.models])).out, "");
  },
);

Deno.test("queue start ends with an error event if it cannot start", async () => {
  await using at = await place();
  writeQueue(at, "{");
  const isEvent = new Ajv2020({ strict: true, formats: { "date-time": true } }).compile(schema);
  for (const line of ["queue start", "queue start --dry-run"]) {
    const { code, out, err } = await at.run(line);
    const event = JSON.parse(out);
    const fits: boolean = isEvent(event);
    assert.ok(fits, JSON.stringify(isEvent.errors));
    assert.deepEqual([code, event.event, event.error.kind], [1, "error", "local"]);
    assert.ok(err.startsWith(event.error.message));
  }
});

testWith(
  ["one root for all paths"],
  "paths in documents are absolute even if the folder is given as a relative path",
  async () => {
    await using at = await place();
    const { path } = install(at.models, "m/latest", makeModel({ size: 0 }));
    const cut = install(at.models, "cut/latest", { manifest: "{" });
    const here = ["--output", "json", "--models-dir", relative(Deno.cwd(), at.models)];
    assert.equal(JSON.parse((await ran(["show", "m", ...here])).out).path, path);
    assert.equal(JSON.parse((await ran(["list", ...here])).out).broken[0].path, cut.path);
  },
);
