import assert from "node:assert/strict";
import { exitCodeOf } from "../../../src/core/errors.ts";
import { parseName } from "../../../src/core/name.ts";
import { expiryOf } from "../../../src/registry/api/url_cache.ts";
import { RegistrySource } from "../../../src/registry/source.ts";
import {
  huggingFaceHint,
  tagProblemIn,
  tagsAmong,
} from "../../../src/registry/api/hugging_face.ts";
import { manifestError } from "../../../src/registry/api/manifest_error.ts";
import { certificate } from "../../fakes/certificate.ts";
import { noise } from "../../fakes/content.ts";
import { jsonAnswer, stallAfter } from "../../fakes/faults.ts";
import { type Hub, startHub } from "../../fakes/hub.ts";
import { demandTokens } from "../../fakes/token_server.ts";
import { fileWith, KEY, PUBLIC } from "../auth/keys.ts";
import { TLS } from "../auth/world.ts";
import { bytesOf, failureOf, MiB, nameAt, never } from "../world.ts";

const REPOSITORY = "someone/Model-GGUF";
const MODEL = "application/vnd.ollama.image.model";
const TEMPLATE = "application/vnd.ollama.image.template";
const name = parseName(`hf.co/${REPOSITORY}:Q8_0`);

function addModel(world: Hub) {
  const layers = [{ mediaType: MODEL, content: noise(2 * MiB) }, {
    mediaType: TEMPLATE,
    content: "a",
  }];
  return world.add(`${REPOSITORY}:Q4_K_M`, { layers });
}

Deno.test("case 20: a model of the hub is downloaded from three hosts, and only the first one gets credentials", async () => {
  await using world = await startHub(TLS);
  await using key = await fileWith(KEY);
  const server = demandTokens(world.short, { keys: [PUBLIC] });
  const guard = world.short.faults.manifest!;
  const token = world.short.faults.other!;
  const onward = (target: string) => ({
    status: 307,
    headers: { location: world.hub.url + target },
  });
  world.short.faults.manifest = async (request, n) =>
    await guard(request, n) ?? onward(request.target);
  world.short.faults.blob = world.short.faults.manifest;
  world.short.faults.other = token;
  const model = addModel(world);
  using source = new RegistrySource({
    userAgent: "pullama/test",
    caCerts: [certificate],
    identity: { keyFile: key.path },
  });
  const at = nameAt(world.short, `${REPOSITORY}:Q4_K_M`);
  const { layers: [weights, template] } = await source.manifest(at, never());
  assert.equal(weights!.digest, model.layers[0]!.digest);
  for (const [blob, range] of [[weights!, { start: 7, end: 9 }], [template!, undefined]] as const) {
    const body = await source.open(at, blob, range ?? { start: 0, end: blob.size }, never());
    const expected = range ? noise(2 * MiB).read(7, 2) : new TextEncoder().encode("a");
    assert.deepEqual(await bytesOf(body.stream), expected);
  }
  assert.equal(server.issued, 1);
  const shown = ({ headers }: { readonly headers: Headers }) => headers.has("authorization");
  assert.ok(world.short.requests.some(shown));
  assert.ok(world.hub.requests.length === 4 && world.store.requests.length === 1);
  assert.deepEqual([...world.hub.requests, ...world.store.requests].filter(shown), []);
});

Deno.test("a file of the hub is requested from its cached URL until that expires", async () => {
  await using world = await startHub();
  let now = Date.now();
  addModel(world);
  using source = new RegistrySource({ userAgent: "pullama/test", now: () => now });
  const at = nameAt(world.short, `${REPOSITORY}:Q4_K_M`);
  const { layers } = await source.manifest(at, never());
  const open = async (k: number) => {
    const blob = layers[k]!;
    const body = await source.open(at, blob, { start: 0, end: blob.size }, never());
    await bytesOf(body.stream);
  };
  for (const k of [0, 1, 0, 1]) await open(k);
  assert.equal(world.short.requests.length, 3, "one for the manifest and one for each blob");
  now += 560_000;
  for (const k of [0, 1]) await open(k);
  assert.equal(world.short.requests.length, 4, "the URL of the small one is valid for 600 s");
  const [last] = world.hub.requests.slice(-1);
  assert.ok(last!.query.has("__sign"));
});

Deno.test("expiryOf() reads the URLs of the hub's large file storage", () => {
  const now = Date.UTC(2026, 0, 2, 3, 4, 5);
  const at = (query: string) => expiryOf(new URL(`https://cas-bridge.example/xet?${query}`), now);
  const amz = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260102T030000Z&X-Amz-Expires=3600";
  assert.equal(at(`${amz}&X-Amz-Signature=x&x-id=GetObject`), Date.UTC(2026, 0, 2, 4));
  assert.equal(at("Expires=1767326400&Policy=x&Signature=x"), Date.UTC(2026, 0, 2, 4));
});

const LATEST = 'Please use another tag or "latest"';
const unknown = [
  `The specified tag is not a valid quantization scheme. ${LATEST}`,
  `The specified tag is not available in the repository. ${LATEST}`,
  "The specified GGUF file does not exist.",
];
for (const text of unknown) {
  Deno.test(`case 15: "${text}" is quoted and ends with exit code 4`, async () => {
    await using world = await startHub();
    world.hub.faults.manifest = () => jsonAnswer(400, { error: text });
    using source = new RegistrySource({ userAgent: "pullama/test" });
    const at = nameAt(world.short, `${REPOSITORY}:Q9`);
    const { kind, message, hint } = await failureOf(source.manifest(at, never()));
    assert.equal(exitCodeOf(kind), 4);
    assert.equal(message, `tag not found on ${world.hub.host}: ${text}`);
    assert.ok(hint!.includes(`${world.hub.url}/${REPOSITORY}/tree/main`), hint);
  });
}

const split = [
  `The specified tag is a sharded GGUF. Ollama does not support this yet. ${LATEST}. See x`,
  `This tag is a sharded GGUF. Ollama does not yet support pulling sharded GGUF; use a single-file one`,
  "This repository only contains sharded GGUF files. Download the shards and merge them",
];
for (const text of split) {
  Deno.test(`"${text.slice(0, 36)}..." is reported with the tags that work`, async () => {
    await using world = await startHub();
    world.hub.faults.manifest = () => jsonAnswer(400, { error: text });
    using source = new RegistrySource({ userAgent: "pullama/test" });
    const refused = () =>
      failureOf(source.manifest(nameAt(world.short, `${REPOSITORY}:Q8_0`), never()));

    world.files = [
      "README.md",
      "mmproj-F16.gguf",
      "Model-Q8_0-00001-of-00002.gguf",
      "Model-Q8_0-00002-of-00002.gguf",
      "Model-Q4_K_M.gguf",
      "Model-UD-IQ2_XXS.gguf",
      "BF16/Model-BF16.gguf",
    ];
    const { kind, message, hint } = await refused();
    assert.equal(exitCodeOf(kind), 1);
    assert.ok(
      message.endsWith(`split into several files, which is not supported: ${text}`),
      message,
    );
    assert.equal(hint, "these tags are single files: Q4_K_M, UD-IQ2_XXS");

    world.files = ["Model-Q8_0-00001-of-00001.gguf"];
    assert.match((await refused()).hint!, /another repository/);

    world.files = undefined;
    const page = `${world.hub.url}/${REPOSITORY}/tree/main`;
    assert.equal((await refused()).hint, `choose a tag whose model is a single file: see ${page}`);
  });
}

Deno.test("an error of the hub is reported even if its file list is invalid", async () => {
  await using world = await startHub();
  world.hub.faults.manifest = () => jsonAnswer(400, { error: split[0] });
  using source = new RegistrySource({ userAgent: "pullama/test" });
  const at = nameAt(world.short, `${REPOSITORY}:Q8_0`);
  for (
    const fault of [jsonAnswer(200, { error: "?" }), { status: 200, body: "[" }, { status: 401 }, {
      hangUp: "reset",
    }] as const
  ) {
    world.hub.faults.other = () => fault;
    const { kind, hint } = await failureOf(source.manifest(at, never()));
    assert.equal(kind, "refused");
    assert.match(hint!, /^choose a tag/);
  }
});

Deno.test("an abort does not wait for the file list of the hub", async () => {
  await using world = await startHub();
  world.hub.faults.manifest = () => jsonAnswer(400, { error: split[0] });
  using source = new RegistrySource({ userAgent: "pullama/test" });
  const attempt = new AbortController();
  world.hub.faults.other = () => {
    attempt.abort();
    return { status: 200, body: "[]", ...stallAfter(1) };
  };
  const at = nameAt(world.short, `${REPOSITORY}:Q8_0`);
  assert.equal((await failureOf(source.manifest(at, attempt.signal))).kind, "interrupted");
});

Deno.test("tagsAmong() names quantizations like the hub, and other files by their full name", () => {
  const tags = (...paths: readonly string[]) => tagsAmong(paths.map((path) => ({ path })), name);
  assert.deepEqual(tags("a-Q4_K_M.gguf", "a.Q5_0.gguf", "a-iq3_m.GGUF", "a-BF16.gguf"), [
    "Q4_K_M",
    "Q5_0",
    "iq3_m",
    "BF16",
  ]);
  assert.deepEqual(tags("a-MXFP4_MOE.gguf", "a-TQ1_0.gguf"), ["MXFP4_MOE", "TQ1_0"]);
  assert.deepEqual(tags("Q4_K_M-a.gguf", "a-fp16.gguf", "a-Q4_0-v2.gguf"), [
    "Q4_K_M-a.gguf",
    "a-fp16.gguf",
    "a-Q4_0-v2.gguf",
  ]);
  assert.deepEqual(tags("a-Q4_0.gguf", "b-Q4_0.gguf"), ["Q4_0"]);
  assert.deepEqual(tags(`${"long".repeat(20)}.gguf`, "with space.gguf", ".gguf", "a.bin"), []);
  assert.deepEqual(tagsAmong([null, 7, {}, "x.gguf"], name), []);
  for (const odd of [null, {}, "x", 7]) assert.equal(tagsAmong(odd, name), undefined);
});

Deno.test("tagsAmong() is quick with a file name of a MiB", () => {
  const path = `a${"_Q1".repeat(350_000)}!.gguf`;
  assert.deepEqual(tagsAmong([{ path }, { path: "a-Q4_0.gguf" }], name), ["Q4_0"]);
});

Deno.test("tagProblemIn() ignores errors of other registries", () => {
  for (const text of ["manifest invalid", "", "Repository is not GGUF or is not compatible"]) {
    assert.equal(tagProblemIn(text), undefined, text);
  }
});

for (const host of ["hf.co", "huggingface.co"]) {
  Deno.test(`the hint for a 401 of ${host} says how to get access`, async () => {
    const landing = {
      response: new Response(null, { status: 401 }),
      url: new URL(`https://${host}/v2/${REPOSITORY}/manifests/Q8_0`),
    };
    const unused = {
      url: () => landing.url,
      get: () => assert.fail(),
      reason: () => assert.fail(),
    };
    const hint = await huggingFaceHint(
      name,
      landing,
      "Invalid username or password.",
      unused,
      never(),
    );
    assert.match(hint!, /https:\/\/huggingface\.co\/settings\/keys/);
    assert.ok(hint!.includes(`https://${host}/${REPOSITORY}`), hint);
    const { headers } = landing.response;
    const failed = { status: 401, headers, text: "", url: landing.url, now: 0, hint: hint! };
    const error = manifestError(failed, () => false);
    assert.equal(exitCodeOf(error.kind), 3);
    assert.match(error.message, /model not found on .*, or authentication required/);
    assert.equal(error.hint, hint);
  });
}
