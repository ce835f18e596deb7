import assert from "node:assert/strict";
import { PullamaError } from "../../../src/core/errors.ts";
import type { ModelDetails } from "../../../src/core/reports/installed.ts";
import { fullName, parseName } from "../../../src/core/name.ts";
import { detailsOf } from "../../../src/store/show/details.ts";
import { otherProcess } from "../../io/other_process.ts";
import { makeModel } from "../../fakes/model.ts";
import { writeModelsFolder } from "../../fakes/models_folder.ts";
import type { ModelFiles } from "../../fakes/registry.ts";
import { CLOUD_STUB, config, install, layer, tensorModel } from "../installed_models.ts";
import { safetensors, tensor } from "./safetensors_writer.ts";
import { World } from "../world.ts";

const MACHINE = { os: "linux", arch: "x86_64" };
const MODEL = makeModel({ size: 0 });
const [WEIGHTS, TEMPLATE] = MODEL.layers;

async function show(world: World, name = "m"): Promise<ModelDetails> {
  const details = await detailsOf(world.paths, parseName(name), MACHINE);
  assert.ok(details, name);
  return details;
}

/** The details of a model of these files, installed on its own. */
async function shown(files: ModelFiles): Promise<ModelDetails> {
  await using world = await World.make();
  install(world.models, "m/latest", files);
  return await show(world);
}

Deno.test("detailsOf() combines the config and the header of the weights", async () => {
  const details = await shown(MODEL);
  assert.deepEqual(
    {
      format: details.format,
      family: details.family,
      architecture: details.architecture,
      parameterSize: details.parameterSize,
      parameterCount: details.parameterCount,
      quantization: details.quantization,
      contextLength: details.contextLength,
      embeddingLength: details.embeddingLength,
      capabilities: details.capabilities,
      parameters: details.parameters,
      faults: details.faults,
    },
    {
      format: "gguf",
      family: "llama",
      architecture: "llama",
      parameterSize: "27K",
      parameterCount: undefined,
      quantization: "F32",
      contextLength: 128,
      embeddingLength: 32,
      capabilities: ["completion"],
      parameters: { stop: ["user:"], temperature: 0.5 },
      faults: [],
    },
  );
  assert.equal(details.licenses.length, 1);
  assert.match(details.template!, /range \.Messages/);
  assert.equal(details.metadata["general.name"], "tiny-1");
});

Deno.test("detailsOf() takes from the header what is missing in the config", async () => {
  for (const parts of [{ config: config({}) }, {}, { config: config({ file_type: "unknown" }) }]) {
    const details = await shown({ layers: MODEL.layers, ...parts });
    const { format, family, quantization, parameterSize, parameterCount } = details;
    assert.deepEqual([format, family, quantization, parameterSize], [
      "gguf",
      "llama",
      "F32",
      undefined,
    ]);
    assert.equal(parameterCount, 27_232);
  }
});

Deno.test("detailsOf() lists every blob, the config first, with missing and damaged ones marked", async () => {
  await using world = await World.make();
  const { blobs } = install(world.models, "m/latest", MODEL);
  Deno.removeSync(blobs[1]!);
  Deno.truncateSync(blobs[2]!, 3);
  const { layers, faults, contextLength } = await show(world);
  assert.deepEqual(layers.map(({ mediaType, state }) => [mediaType.split(".").at(-1), state]), [
    ["v1+json", "present"],
    ["model", "missing"],
    ["template", "damaged"],
    ["license", "present"],
    ["params", "present"],
  ]);
  assert.deepEqual([faults, contextLength], [[], undefined]);
  assert.equal(layers[0]!.size, Deno.statSync(blobs[0]!).size);
});

Deno.test("detailsOf() shows a model of which only the manifest is left", async () => {
  await using world = await World.make();
  install(world.models, "m/latest", MODEL);
  Deno.removeSync(world.paths.blobs, { recursive: true });
  const { layers, family, capabilities, licenses, size } = await show(world);
  assert.ok(layers.every(({ state }) => state === "missing"));
  assert.deepEqual([family, capabilities, licenses], [undefined, [], []]);
  assert.ok(size! > 100_000);
});

Deno.test("detailsOf() shows a remote model", async () => {
  const details = await shown(CLOUD_STUB);
  assert.deepEqual(details.remote, { host: "https://ollama.com:443", model: "gpt-oss:120b" });
  const { family, contextLength, embeddingLength, capabilities, layers, faults } = details;
  assert.deepEqual(
    [family, contextLength, embeddingLength, layers.length, faults],
    ["gptoss", 131072, 2880, 1, []],
  );
  assert.deepEqual(capabilities, ["completion", "tools", "thinking"]);
});

Deno.test("detailsOf() reads a safetensors model's own config.json", async () => {
  const details = await shown(tensorModel(3));
  const { format, family, contextLength, embeddingLength, parameterCount, quantization } = details;
  assert.deepEqual(
    [format, family, contextLength, embeddingLength, parameterCount, quantization],
    ["safetensors", "qwen3", 40960, 1024, 3_000_000, "BF16"],
  );
  assert.deepEqual(details.layers.map(({ name }) => name), [
    undefined,
    "blk.0.w",
    "blk.1.w",
    "blk.2.w",
    "config.json",
    "tokenizer.json",
  ]);
  assert.deepEqual(details.faults, []);
});

Deno.test("detailsOf() estimates the parameters of tensors that cannot be read, with one warning", async () => {
  const hub = JSON.stringify({ model_type: "qwen3", torch_dtype: "float32" });
  const tensors = [1, 2, 3].map((i) => layer("tensor", `${i}`.repeat(4150), `t${i}`));
  const { parameterCount, parameterSize, faults } = await shown({
    config: config({ model_format: "safetensors", capabilities: ["completion"] }),
    layers: [...tensors, layer("json", hub, "config.json")],
  });
  assert.deepEqual([parameterCount, parameterSize, faults.length], [3000, undefined, 1]);
  assert.match(faults[0]!, /cannot read the header of .*: unexpected end of file$/);
});

Deno.test("detailsOf() keeps the size that the config of an image model has", async () => {
  const { parameterSize } = await shown({
    config: config({ model_format: "safetensors", capabilities: ["image"], model_type: "6B" }),
    layers: [layer("tensor", safetensors({ w: tensor("BF16", 4, 4) }), "w")],
  });
  assert.equal(parameterSize, "6B");
});

Deno.test("detailsOf() reads no more of a hostile safetensors header than there is", async () => {
  const huge = new Uint8Array([255, 255, 255, 255, 255, 255, 255, 127, 123, 125]);
  const files = [
    [huge, "unexpected end of file"],
    [new Uint8Array(3), "unexpected end of file"],
    [safetensors("[1]"), "the header is not a JSON object"],
    [safetensors("{"), "the header is not a JSON object"],
    [safetensors({ __metadata__: {} }), "no tensor in the header"],
    [safetensors({ w: tensor("F32", -1) }), "invalid tensor shape"],
    [safetensors({ w: { shape: "x" } }), "invalid tensor shape"],
  ] as const;
  for (const [file, reason] of files) {
    const { faults } = await shown({
      config: config({ model_format: "safetensors", capabilities: ["completion"] }),
      layers: [layer("tensor", file, "w")],
    });
    assert.match(faults.join(), new RegExp(`cannot read the header of .*: ${reason}$`));
  }
});

Deno.test("detailsOf() prefers text_config in config.json", async () => {
  const text = { max_position_embeddings: 8192, hidden_size: 7 };
  const files = JSON.stringify({
    architectures: ["Gemma3ForConditionalGeneration"],
    hidden_size: 1,
    text_config: text,
  });
  const { family, contextLength, embeddingLength } = await shown({
    config: config({ model_format: "safetensors" }),
    layers: [layer("json", files, "config.json")],
  });
  assert.deepEqual([family, contextLength, embeddingLength], ["gemma3", 8192, 7]);
});

Deno.test("detailsOf() determines capabilities as Ollama does", async () => {
  const template = (text: string) => layer("template", text);
  const loop = "{{ range .Messages }}<t>{{ .Thinking }}</t>{{ end }}";
  const cases: readonly (readonly [Record<string, unknown>, ModelFiles["layers"], string])[] = [
    [{}, [WEIGHTS!], "completion"],
    [{}, [WEIGHTS!, template("{{ .Tools }}{{ .Suffix }}")], "completion tools insert"],
    [{}, [WEIGHTS!, template(loop)], "completion thinking"],
    [{}, [WEIGHTS!, layer("projector", "no gguf")], "completion vision"],
    [{ parser: "qwen3-thinking" }, [WEIGHTS!], "completion tools thinking"],
    [{ parser: "olmo3-think" }, [WEIGHTS!], "completion thinking"],
    [{ parser: "constructor" }, [WEIGHTS!], "completion"],
    [{ model_family: "gptoss" }, [WEIGHTS!], "completion thinking"],
    [{ capabilities: ["image", "completion"] }, [WEIGHTS!], "image completion"],
    [
      { model_format: "safetensors", capabilities: ["completion", "vision"] },
      [],
      "completion vision",
    ],
    [
      { model_format: "safetensors", renderer: "gemma4", capabilities: ["completion", "vision"] },
      [],
      "completion",
    ],
    [{}, [], ""],
  ];
  for (const [fields, layers, words] of cases) {
    const { capabilities } = await shown({ config: config(fields), layers: layers! });
    assert.equal(capabilities.join(" "), words, JSON.stringify(fields));
  }
});

Deno.test("detailsOf() reports what it cannot parse, and shows the rest", async () => {
  const { faults, quantization, layers } = await shown({
    config: { mediaType: "m", content: "no JSON" },
    layers: [layer("model", "no weights"), layer("params", "[1]"), layer("messages", "{")],
  });
  assert.equal(faults.length, 4);
  assert.match(faults[0]!, /config sha256:[0-9a-f]{64} is not a JSON object/);
  assert.match(faults[1]!, /not a GGUF file/);
  assert.match(faults[2]!, /params layer/);
  assert.match(faults[3]!, /messages layer/);
  assert.deepEqual([quantization, layers.length], [undefined, 4]);
});

Deno.test("detailsOf() reports a truncated header, and shows what could be read of it", async () => {
  const { faults, family } = await shown({
    layers: [layer("model", WEIGHTS!.content), layer("model", MODEL.weights.read(0, 200))],
  });
  assert.match(faults.join(), /cannot read the complete header of .*: unexpected end of file/);
  assert.equal(family, "llama");
});

Deno.test("detailsOf() does not read text layers of more than 1 MiB", async () => {
  const { licenses, layers } = await shown({
    layers: [layer("license", "x".repeat(2 ** 20 + 1)), layer("license", "short")],
  });
  assert.deepEqual([licenses, layers.length], [["short"], 2]);
});

Deno.test("detailsOf() uses the last of several templates and system prompts, and all licences", async () => {
  const { template, system, licenses, messages } = await shown({
    layers: [
      TEMPLATE!,
      ...["prompt", "system", "system", "license", "license"].map((kind, i) => layer(kind, `${i}`)),
      layer("messages", '[{"role":"user","content":"hi"}]'),
    ],
  });
  assert.deepEqual([template, system, licenses, messages], ["0", "2", ["3", "4"], 1]);
});

Deno.test("detailsOf() finds a model by a name in another case, and is undefined for an unknown one", async () => {
  await using world = await World.make();
  install(world.models, "hf.co/User/Repo/Q4_K_M", MODEL);
  const { name, path } = await show(world, "hf.co/user/repo:q4_k_m");
  assert.equal(fullName(name), "hf.co/User/Repo:Q4_K_M");
  assert.ok(path.endsWith("/manifests/hf.co/User/Repo/Q4_K_M"), path);
  assert.equal(await detailsOf(world.paths, parseName("nosuch"), MACHINE), undefined);
});

Deno.test("detailsOf() shows every model in a folder that Ollama and others have written", async () => {
  await using world = await World.make();
  const folder = writeModelsFolder(world.models);
  for (const { name, blobs } of [...Object.values(folder.models), folder.newer]) {
    const { layers, faults } = await show(world, name);
    assert.deepEqual(layers.map(({ digest }) => digest.replace(":", "-")), blobs, name);
    assert.ok(layers.every(({ state }) => state === "present"), name);
    // The weights there are no weights, and that is all that may be wrong.
    assert.deepEqual(
      faults.filter((fault) => !/is not a GGUF file$|GGUF version \d+$|header of/.test(fault)),
      [],
      name,
    );
  }
  const listed = await show(world, folder.listed.name);
  assert.deepEqual([listed.parameterSize, listed.digest], [
    "listed",
    `sha256:${folder.listed.hex}`,
  ]);
});

Deno.test("detailsOf() rejects with kind manifest if the manifest is invalid", async () => {
  await using world = await World.make();
  const { path } = install(world.models, "m/latest", { manifest: "{" });
  await assert.rejects(
    show(world),
    (error) =>
      error instanceof PullamaError && error.kind === "manifest" && error.message.includes(path),
  );
});

Deno.test("detailsOf() reports an index whose manifest for this machine is missing", async () => {
  const digest = `sha256:${"1".repeat(64)}`;
  const manifest = JSON.stringify({
    mediaType: "application/vnd.ollama.manifest.list.v2+json",
    manifests: [{ mediaType: "m", digest, runner: "ollama" }],
  });
  const { faults, layers, size } = await shown({ manifest });
  assert.match(faults.join(), /index.* missing/);
  assert.deepEqual([layers, size], [[], undefined]);
});

/** Takes the manifest and a blob away and puts them back, as removals and pulls do, until it is killed. */
const REMOVER = `
  console.log("ready");
  const [aside, ...paths] = Deno.args;
  const missing = (path) => aside + "/" + path.split("/").at(-1);
  for (;;) {
    for (const path of paths) Deno.renameSync(path, missing(path));
    for (const path of paths.toReversed()) Deno.renameSync(missing(path), path);
  }
`;

Deno.test("detailsOf() of a model that is removed meanwhile has it whole, or not at all", async () => {
  await using world = await World.make();
  const { path, blobs } = install(world.models, "m/latest", MODEL);
  await using _remover = await otherProcess(REMOVER, world.grave, path, ...blobs);
  const seen = { whole: 0, none: 0 };
  for (let i = 0; i < 500; i++) {
    const details = await detailsOf(world.paths, parseName("m"), MACHINE);
    if (!details) seen.none++;
    else if (details.layers.every(({ state }) => state === "present")) seen.whole++;
  }
  assert.ok(seen.none > 0, JSON.stringify(seen));
});
