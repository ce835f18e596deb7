import assert from "node:assert/strict";
import { parseName } from "../../src/core/name.ts";
import { detailsOf } from "../../src/store/show/details.ts";
import { pathsOf } from "../../src/store/layout/paths.ts";
import { makeModel } from "../fakes/model.ts";
import type { ModelFiles } from "../fakes/registry.ts";
import { testWith } from "../needs.ts";
import { CLOUD_STUB, config, install, layer } from "../store/installed_models.ts";
import { header, openBench } from "./ollama_bench.ts";

const TINY = makeModel({ size: 0 });
const SECONDS = 1000;
const DAY = 86_400 * SECONDS;

/** The columns of a list, with `kB` instead of `KB`. */
function rowsOf(list: string): string[][] {
  return list.trimEnd().split("\n")
    .map((line) => line.trimEnd().replace(/ KB\b/, " kB").split(/ {2,}/));
}

testWith(
  ["a real Ollama"],
  "list matches `ollama list`: names, IDs, sizes, times, order",
  async () => {
    const [weights, ...rest] = TINY.layers;
    const twice: ModelFiles = { ...TINY, layers: [weights!, weights!, ...rest] };
    const big: ModelFiles = {
      ...TINY,
      layers: [...TINY.layers, layer("license", "x".repeat(2e6))],
    };
    const models: readonly (readonly [string, ModelFiles, number])[] = [
      ["tiny/latest", TINY, 3 * DAY],
      ["Mixed/Case", TINY, 1 * DAY + 3 * SECONDS],
      ["twice/7b", twice, 100 * DAY],
      ["big/latest", big, 1000 * DAY],
      ["cloud/latest", CLOUD_STUB, 20 * DAY],
      ["bare/latest", { layers: TINY.layers }, 21 * DAY],
      ["registry.ollama.ai/me/mine/latest", TINY, 400 * DAY],
      ["hf.co/User/Repo-GGUF/Q4_K_M", TINY, 70 * DAY],
      ["localhost:5000/library/tiny/latest", TINY, 8 * DAY],
    ];
    const now = Date.now();
    await using bench = await openBench((folder) => {
      for (const [name, files, age] of models) {
        install(folder, name, files, { modified: new Date(now - age) });
      }
      install(folder, "broken/latest", { manifest: "{" });
    });
    const theirs = rowsOf(await bench.theirs("list"));
    assert.equal(theirs.length, models.length + 1);
    assert.deepEqual(rowsOf(await bench.ours("list")), theirs);
    for (const prefix of ["t", "HF", "me/", "nosuch"]) {
      const [filtered, expected] = [
        await bench.ours("list", prefix),
        await bench.theirs("list", prefix),
      ];
      assert.deepEqual(rowsOf(filtered), rowsOf(expected), prefix);
    }
  },
);

testWith(
  ["a real Ollama"],
  "show matches `ollama show`: family, parameters, quantization, context and licence",
  async () => {
    const whole = config({
      model_format: "gguf",
      model_family: "llama",
      model_families: ["llama"],
      model_type: "8.0B",
      file_type: "Q4_K_M",
      requires: "0.9.1",
    });
    const values = header({
      "general.file_type": 17,
      "llama.context_length": 131072,
      "llama.embedding_length": 4096,
    });
    const texts = [layer("license", "One\nTwo\n\nThree\n"), layer("system", "Be brief.")];
    const models: Readonly<Record<string, ModelFiles>> = {
      tiny: TINY,
      whole: { config: whole, layers: [layer("model", values), ...texts] },
      unsaid: { config: config({}), layers: [layer("model", values)] },
      unknown: { config: config({ file_type: "unknown" }), layers: [layer("model", values)] },
      counted: { config: config({ model_family: "llama" }), layers: TINY.layers },
    };
    await using bench = await openBench((folder) => {
      for (const [name, files] of Object.entries(models)) {
        install(folder, `${name}/latest`, files);
      }
    });
    for (const name of Object.keys(models)) {
      const { details, capabilities, model_info, requires } = await bench.show(name);
      const ours = JSON.parse(await bench.ours("show", name, "--output", "json"));
      const text = await bench.theirs("show", name);
      const row = (key: string) => new RegExp(`^ +${key} {2,}(.*?) *$`, "m").exec(text)?.[1];
      assert.deepEqual(
        {
          architecture: ours.details.architecture,
          parameters: ours.details.parameter_size,
          context: ours.details.context_length,
          embedding: ours.details.embedding_length,
          requires: ours.requires,
          capabilities: ours.capabilities,
        },
        {
          architecture: model_info["general.architecture"],
          parameters: row("parameters"),
          context: model_info["llama.context_length"],
          embedding: model_info["llama.embedding_length"],
          requires,
          capabilities,
        },
        name,
      );
      if (details.family !== "") assert.equal(ours.details.family, details.family, name);
      // Ollama treats the number 0, which means F32, as unknown.
      if (name !== "counted") {
        assert.equal(ours.details.quantization_level, details.quantization_level, name);
      }
    }
    const [ours, theirs] = [await bench.ours("show", "whole"), await bench.theirs("show", "whole")];
    for (const section of ["System", "License", "Capabilities"]) {
      const lines = (text: string) =>
        text.split("\n").map((line) => line.trim()).join("\n").split("\n\n")
          .find((part) => part.startsWith(section));
      assert.equal(lines(ours), lines(theirs), section);
    }
  },
);

testWith(
  ["a real Ollama"],
  "show finds the same capabilities as a real Ollama, from all sources",
  async () => {
    const loop = (body: string) => `{{ range .Messages }}${body}{{ .Content }}{{ end }}`;
    const go: Readonly<Record<string, string>> = {
      tools: "{{ .Tools }}{{ .Prompt }}",
      variable: loop("{{ $.Tools }}"),
      suffix: "{{ if .Suffix }}<pre>{{ .Prompt }}<suf>{{ .Suffix }}{{ end }}",
      literal: '{{ .Prompt }}{{ " .Tools }} " }}{{/* .Suffix */}}',
      thinks: loop("{{ if .Thinking }}<think>{{ .Thinking }}</think>{{ end }}"),
      outer: loop("<t>{{ .Thinking }}</t>"),
      trimmed: loop("{{ with .Thinking }}\n  {{- . -}}\n{{ end }}"),
      branch: loop("{{ if .A }}a{{ else if .B }}<t>{{ .Thinking }}</t>{{ else }}c{{ end }}"),
      trip: loop('{{ if eq .Role "tool" }}{{ .ToolCalls }}{{ end }}{{ $.Tools }}'),
    };
    const chat: Readonly<Record<string, string>> = {
      tools: "{% if tools %}",
      trip: "{% if tools %}{{ tool_calls }}<tool_response>{% endif %}",
      thinks: "<think></think> tools",
      splits: "content.split('</think>')",
      splitsNot: "content.split('</think>') reasoning_content",
      plain: "{{ content }}",
    };
    const parsers = [
      ...["qwen3", "qwen3-thinking", "qwen3.5", "ornith", "qwen3-coder", "qwen3-vl-instruct"],
      ...["qwen3-vl-thinking", "ministral", "passthrough", "harmony", "cogito", "deepseek3"],
      ...["olmo3", "olmo3-think", "nemotron-3-nano", "nemotron-3.5-nano", "functiongemma"],
      ...["glm-4.7", "gemma4", "gemma4-no-thinking", "glm-ocr", "lfm2", "lfm2-thinking", "laguna"],
      ...["poolside-v1", "cohere", "glimmer", "nosuch", "constructor"],
    ];
    const plain = header({});
    const parts = (weights: Uint8Array, fields = {}, ...more: ReturnType<typeof layer>[]) => ({
      config: config({ model_format: "gguf", model_family: "llama", file_type: "F16", ...fields }),
      layers: [layer("model", weights), ...more],
    });
    const models: Record<string, ModelFiles> = {
      bare: parts(plain),
      pooled: parts(header({ "llama.pooling_type": 1 })),
      sees: parts(header({ "llama.vision.block_count": 1, "llama.audio.block_count": 1 })),
      projected: parts(plain, {}, layer("projector", header({ "general.name": "eye" }))),
      told: parts(plain, { capabilities: ["tools", "insert"] }),
      gptoss: parts(plain, { model_family: "gptoss" }),
      harmony: parts(
        header({ "tokenizer.chat_template": chat.thinks! }),
        { model_family: "gptoss" },
        layer("template", "<|start|>{{ .Tools }}<|end|>"),
      ),
      omni: parts(header({ "llama.audio.block_count": 1 }), { model_family: "nemotron_h_omni" }),
    };
    for (const [name, text] of Object.entries(go)) {
      models[`go-${name}`] = parts(plain, {}, layer("template", text));
      for (const [other, jinja] of Object.entries(chat)) {
        const weights = header({ "tokenizer.chat_template": jinja });
        models[`go-${name}-chat-${other}`] = parts(weights, {}, layer("template", text));
      }
    }
    for (const [name, jinja] of Object.entries(chat)) {
      models[`chat-${name}`] = parts(header({ "tokenizer.chat_template": jinja }));
    }
    for (const parser of parsers) {
      models[`parser-${parser}`] = parts(plain, { parser });
      const weights = header({ "tokenizer.chat_template": chat.thinks! });
      models[`renderer-${parser}`] = parts(weights, { renderer: parser });
    }
    await using bench = await openBench((folder) => {
      for (const [name, files] of Object.entries(models)) {
        install(folder, `${name}/latest`, files);
      }
    });
    const differing: string[] = [];
    const seen = new Set<string>();
    const machine = { os: Deno.build.os, arch: Deno.build.arch };
    for (const name of Object.keys(models)) {
      const { capabilities } = await bench.show(name);
      const ours = await detailsOf(pathsOf(bench.models), parseName(name), machine);
      const words = ours!.capabilities.join();
      if (words !== capabilities.join()) {
        differing.push(`${name}: ${words} instead of ${capabilities.join()}`);
      }
      for (const word of capabilities) seen.add(word);
    }
    assert.deepEqual(differing, []);
    assert.deepEqual([...seen].sort(), [
      ...["audio", "completion", "embedding", "insert", "thinking", "tools", "vision"],
    ]);
  },
);
