/** `show` of models whose details are not in their config, compared with a real Ollama. */

import assert from "node:assert/strict";
import { makeModel } from "../fakes/model.ts";
import type { Layer, ModelFiles } from "../fakes/registry.ts";
import { testWith } from "../needs.ts";
import { config, install, layer } from "../store/installed_models.ts";
import { GgufWriter } from "../store/show/gguf_writer.ts";
import { safetensors, tensor } from "../store/show/safetensors_writer.ts";
import { type Bench, header, openBench } from "./ollama_bench.ts";

const TINY = makeModel({ size: 0 });

async function benchWith(models: Readonly<Record<string, ModelFiles>>): Promise<Bench> {
  return await openBench((folder) => {
    for (const [name, files] of Object.entries(models)) install(folder, `${name}/latest`, files);
  });
}

/** The value in a row of a section of `ollama show` or of this program. */
function row(text: string, section: string, key: string): string | undefined {
  const [, rows = ""] = new RegExp(`^  ${section}\n((?:    .*\n)*)`, "m").exec(text) ?? [];
  return new RegExp(`^ +${key} {2,}(.*?) *$`, "m").exec(rows)?.[1];
}

testWith(
  ["a real Ollama"],
  "show matches `ollama show` of safetensors models: parameters, family and quantization",
  async () => {
    const hub = { model_type: "qwen3", hidden_size: 64, torch_dtype: "bfloat16" };
    const model = (fields: Record<string, unknown>, ...tensors: Layer[]): ModelFiles => ({
      config: config({ model_format: "safetensors", capabilities: ["completion"], ...fields }),
      layers: [...tensors, layer("json", JSON.stringify(hub), "config.json")],
    });
    const file = (header: Parameters<typeof safetensors>[0], name = "w") =>
      layer("tensor", safetensors(header), name);
    const int4 = { quant_type: "int4", group_size: "32" };
    const models: Record<string, ModelFiles> = {
      plain: model({}, file({ w: tensor("BF16", 512, 2048) }), file({ b: tensor("BF16", 7) }, "b")),
      named: model({ file_type: "BF16", model_type: "9.9B" }, file({ w: tensor("BF16", 2, 3) })),
      quantized: model({}, file({ __metadata__: int4, w: tensor("U32", 1000, 2000) })),
      mixed: model(
        {},
        file({ __metadata__: { quant_type: "MXFP8" }, w: tensor("U32", 100, 100) }),
        file({ __metadata__: { quant_type: " nvfp4 " }, v: tensor("U32", 100, 100) }, "v"),
        file({ n: tensor("F32", 12) }, "n"),
      ),
      inferred: model(
        {},
        file({
          ...{ a: tensor("U32", 64, 8), "a.scale": tensor("F16", 64, 2) },
          ...{
            b: tensor("U32", 64, 16),
            "b.scale": tensor("F16", 64, 1),
            "b.bias": tensor("F16", 64),
          },
          ...{ c: tensor("U32", 64, 3), "c.scale": tensor("F16", 64, 1) },
        }, "packed"),
      ),
      odd: model({}, file({ __metadata__: { quant_type: "int3" }, w: tensor("U32", 10, 10) })),
      broken: model({}, layer("tensor", "x".repeat(4_000_000), "w")),
      scalar: model({}, file({ w: tensor("F32") }), layer("tensor", "x".repeat(999), "v")),
    };
    await using bench = await benchWith(models);
    for (const name of Object.keys(models)) {
      const { details } = await bench.show(name);
      const ours = JSON.parse(await bench.ours("show", name, "--output", "json"));
      const [theirText, ourText] = [
        await bench.theirs("show", name),
        await bench.ours("show", name),
      ];
      const parameters = row(theirText, "Model", "parameters") || undefined;
      assert.deepEqual(
        [ours.details.parameter_size, row(ourText, "Model", "parameters")],
        [parameters, parameters],
        name,
      );
      assert.deepEqual(
        [ours.details.family ?? "", ours.details.quantization_level ?? ""],
        [details.family, details.quantization_level],
        name,
      );
    }
  },
);

testWith(["a real Ollama"], "show matches `ollama show` of a model with a projector", async () => {
  const eye = (arch: string, numbers: Readonly<Record<string, number>>) => {
    const all = Object.entries(numbers);
    const file = GgufWriter.header(1 + all.length, { tensors: 2 });
    file.key("general.architecture", 8).text(arch);
    for (const [key, value] of all) file.key(key, 4).u32(value);
    file.tensor("v.patch", 14, 14, 3).tensor("mm.0", 1000, 1000);
    return layer("projector", new Uint8Array([...file.bytes, ...new Uint8Array(5_000_000)]));
  };
  const clip = { "clip.vision.embedding_length": 1152, "clip.vision.projection_dim": 2560 };
  const ear = { "clip.audio.embedding_length": 1280, "clip.audio.projection_dim": 2048 };
  const models: Record<string, ModelFiles> = {
    sees: { ...TINY, layers: [...TINY.layers, eye("clip", clip)] },
    hears: { ...TINY, layers: [...TINY.layers, eye("clip", ear)] },
    both: { ...TINY, layers: [...TINY.layers, eye("clip", clip), eye("clip", ear)] },
    bare: { ...TINY, layers: [...TINY.layers, eye("mmproj", {})] },
    blind: TINY,
  };
  await using bench = await benchWith(models);
  for (const name of Object.keys(models)) {
    const { projector_info } = await bench.show(name);
    const ours = JSON.parse(await bench.ours("show", name, "--output", "json"));
    assert.deepEqual(ours.projector_info, projector_info, name);
    const [theirText, ourText] = [await bench.theirs("show", name), await bench.ours("show", name)];
    for (const key of ["architecture", "parameters", "embedding length", "dimensions"]) {
      const theirs = row(theirText, "Projector", key);
      assert.equal(row(ourText, "Projector", key), theirs, `${name}: ${key}`);
    }
  }
  assert.doesNotMatch(await bench.ours("show", "blind"), /Projector/);
});

testWith(["a real Ollama"], "show has the template that `ollama show` has", async () => {
  const loop = "{{ range .Messages }}{{ .Content }}{{ end }}";
  const go = { plain: loop, tools: `{{ .Tools }}${loop}` };
  const chat = { plain: "{{ content }}", tools: "{% if tools %}", thinks: "<think></think> tools" };
  const parts = (jinja: string, fields = {}, ...more: Layer[]): ModelFiles => ({
    config: config({ model_format: "gguf", model_family: "llama", file_type: "F16", ...fields }),
    layers: [layer("model", header(jinja ? { "tokenizer.chat_template": jinja } : {})), ...more],
  });
  const models: Record<string, ModelFiles> = {
    renderer: parts(chat.tools, { renderer: "qwen3-coder" }),
    parser: parts(chat.tools, { parser: "qwen3" }, layer("template", loop)),
    harmony: parts(
      chat.tools,
      { model_family: "gptoss" },
      layer("template", "<|start|>{{ .Prompt }}<|end|>"),
    ),
  };
  for (const [name, jinja] of Object.entries({ ...chat, none: "" })) {
    models[`chat-${name}`] = parts(jinja);
    for (const [other, text] of Object.entries(go)) {
      models[`chat-${name}-go-${other}`] = parts(jinja, {}, layer("template", text));
    }
  }
  await using bench = await benchWith(models);
  const sources = new Set<string | undefined>();
  for (const name of Object.keys(models)) {
    const { template } = await bench.show(name);
    const ours = JSON.parse(await bench.ours("show", name, "--output", "json"));
    // What Ollama uses without a template.
    assert.equal(ours.template ?? "{{ .Prompt }}", template, name);
    const source = row(await bench.ours("show", name), "Model", "template");
    sources.add(source);
    const own = Object.values<string | undefined>(chat).includes(template);
    assert.equal(source === "from the weights", own, `${name}: ${source}`);
  }
  assert.deepEqual([...sources].sort(), [
    ...["built into Ollama", "from the weights", "set by the model", undefined],
  ]);
});

testWith(["a real Ollama"], "show has the numbers that Ollama's API has", async () => {
  const file = GgufWriter.header(7);
  file.key("general.architecture", 8).text("llama");
  for (const [key, value] of Object.entries({ epsilon: 1e-5, base: 1e6, scale: 0.1, odd: 1 / 3 })) {
    file.key(`llama.${key}`, 6).f32(value);
  }
  file.key("llama.seed", 10).u64(2n ** 64n - 1n).key("llama.low", 11).u64(2n ** 64n - 2n ** 60n);
  const weights = new Uint8Array([...file.bytes, ...new Uint8Array(64)]);
  await using bench = await benchWith({
    m: { config: config({}), layers: [layer("model", weights)] },
  });
  const { model_info: theirs } = await bench.show("m");
  const text = await bench.ours("show", "m", "--output", "json");
  const { model_info: ours } = JSON.parse(text);
  for (
    const key of ["epsilon", "base", "scale", "odd", "seed", "low"].map((key) => `llama.${key}`)
  ) {
    assert.equal(ours[key], theirs[key], key);
  }
  assert.ok(text.includes(`"llama.seed":${2n ** 64n - 1n}`), text);
  assert.ok(text.includes(`"llama.low":${-(2n ** 60n)}`), text);
  assert.match(await bench.ours("show", "-v", "m"), /llama\.epsilon +0\.00001\n/);
});
