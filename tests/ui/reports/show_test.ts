import assert from "node:assert/strict";
import { digestOf } from "../../../src/core/digest.ts";
import type { LayerDetails, ModelDetails } from "../../../src/core/reports/installed.ts";
import { parseName } from "../../../src/core/name.ts";
import { parametersText, showText } from "../../../src/ui/reports/show.ts";
import { width } from "../../../src/ui/terminal/draw.ts";
import type { ListView } from "../../../src/ui/reports/list.ts";
import { colorTerminal, fakeTerminal } from "../fake_terminal.ts";

const NOW = Date.UTC(2026, 5, 1, 12);
const VIEW: ListView = { mode: "table", quiet: false, verbose: false, nowMs: NOW };
const IMAGE = "application/vnd.ollama.image.";

function layer(kind: string, letter: string, parts: Partial<LayerDetails> = {}): LayerDetails {
  const digest = digestOf(letter.repeat(64));
  return { mediaType: IMAGE + kind, digest, size: 2_000_000_000, state: "present", ...parts };
}

const MODEL: ModelDetails = {
  name: parseName("llama3.2"),
  digest: digestOf("0".repeat(64)),
  size: 2_019_393_189,
  modifiedMs: NOW - 3 * 3_600_000,
  path: "/models/manifests/registry.ollama.ai/library/llama3.2/latest",
  format: "gguf",
  family: "llama",
  families: ["llama"],
  architecture: "llama",
  parameterSize: "3.2B",
  quantization: "Q4_K_M",
  contextLength: 131072,
  embeddingLength: 3072,
  capabilities: ["completion", "tools"],
  requires: "0.9.1",
  licenses: ["LICENSE AGREEMENT\n\nof today\nand more\n"],
  template: "{{ .Prompt }}",
  templateSource: "model",
  system: "Be brief.",
  parameters: { stop: ["<a>", "<b>"], temperature: 0.5 },
  messages: 2,
  layers: [layer("model", "d"), layer("license", "e", { size: 7711, state: "missing" })],
  metadata: { "general.architecture": "llama", "llama.block_count": 28 },
  faults: [],
};

function text(model: Partial<ModelDetails> = {}, view: Partial<ListView> = {}): string {
  return showText({ ...MODEL, ...model }, fakeTerminal(), { ...VIEW, ...view });
}

Deno.test("showText() describes a model in sections", () => {
  assert.equal(
    text(),
    `  Model
    name                llama3.2:latest
    id                  000000000000
    size                2.0 GB
    modified            3 hours ago
    format              gguf
    family              llama
    parameters          3.2B
    context length      131072
    embedding length    3072
    quantization        Q4_K_M
    requires            Ollama 0.9.1
    template            set by the model
    messages            2

  Capabilities
    completion
    tools

  Parameters
    stop           "<a>"
    stop           "<b>"
    temperature    0.5

  System
    Be brief.

  License
    LICENSE AGREEMENT
    of today
    ...

  Layers
    application/vnd.ollama.image.model      dddddddddddd    2 GB
    application/vnd.ollama.image.license    eeeeeeeeeeee    7.7 kB    missing
`,
  );
});

Deno.test("showText() omits unknown facts", () => {
  const { name, digest, path } = MODEL;
  const bare: ModelDetails = {
    ...{ name, digest, path, families: [], capabilities: [], licenses: [], layers: [] },
    ...{ metadata: {}, faults: [] },
  };
  assert.equal(
    showText(bare, fakeTerminal(), VIEW),
    "  Model\n" +
      "    name        llama3.2:latest\n" +
      "    id          000000000000\n" +
      "    size        -\n" +
      "    modified    Never\n",
  );
});

Deno.test("showText() prints metadata, full licences and full digests with verbose", () => {
  const all = text({}, { verbose: true });
  assert.match(all, /^ {4}and more$/m);
  assert.match(all, /^ {4}llama\.block_count +28$/m);
  assert.ok(all.includes("d".repeat(64)) && all.includes("0".repeat(64)));
  assert.ok(all.includes("2026-06-01T09:00:00Z"));
});

Deno.test("showText() shows that a model runs on another machine", () => {
  const remote = { host: "https://ollama.com:443", model: "gpt-oss:120b" };
  const all = text({ remote, layers: [] });
  assert.match(all, /^ {4}runs +on another machine/m);
  assert.match(all, /^ {4}remote model +gpt-oss:120b$/m);
  assert.match(all, /^ {4}remote host +https:\/\/ollama\.com:443$/m);
  assert.match(all, /^ {4}size +-$/m);
});

Deno.test("showText() sums up tensors in one row, except with verbose", () => {
  const layers = [
    ...Array.from({ length: 1_234 }, (_, i) => {
      const state = i < 2 ? "missing" as const : "present" as const;
      return layer("tensor", "f", { size: 1_000, name: `t${i}`, state });
    }),
    layer("json", "a", { size: 20, name: "config.json" }),
  ];
  const some = text({ layers, format: "safetensors" });
  assert.match(some, /^ {4}format +safetensors \(1,234 tensors\)$/m);
  assert.match(some, /^ {4}application.*tensor +1,234 tensors +1\.2 MB +2 missing or damaged$/m);
  assert.match(some, /^ {4}application.*json +a{12} +20 B +config\.json$/m);
  const all = text({ layers, format: "safetensors" }, { verbose: true });
  assert.match(all, /^ {4}application.*tensor +f{64} +1 kB +t1 missing$/m);
  assert.ok(all.split("\n").length > 1_234);
});

Deno.test("showText() prints one fact per line with compact, and only the name with quiet", () => {
  const lines = text({}, { mode: "compact" }).split("\n");
  assert.ok(lines.includes("capabilities        completion, tools"), lines.join("\n"));
  assert.ok(lines.includes("license             LICENSE AGREEMENT"));
  assert.ok(
    lines.includes("layer               application/vnd.ollama.image.model dddddddddddd 2 GB"),
  );
  for (const mode of ["table", "compact"] as const) {
    assert.equal(text({}, { mode, quiet: true }), "llama3.2:latest\n");
  }
});

Deno.test("showText() prints no control characters or escape sequences", () => {
  const evil = "a\x1b[2Jb\x07\x9b1mc\u202ed\r";
  const model: Partial<ModelDetails> = {
    family: evil,
    quantization: evil,
    capabilities: [evil],
    requires: evil,
    licenses: [`${evil}\n${evil}`],
    system: evil,
    parameters: { [evil]: evil },
    layers: [layer(evil, "a", { name: evil })],
    metadata: { [evil]: evil },
    remote: { host: evil, model: evil },
  };
  for (const mode of ["table", "compact", "json", "debug"] as const) {
    for (const verbose of [false, true]) {
      assert.doesNotMatch(
        text(model, { mode, verbose }).replaceAll("\n", ""),
        /[\p{Cc}\u202e]/u,
        `${mode} ${verbose}`,
      );
    }
  }
});

Deno.test("showText() fits the window", () => {
  const wide = { ...MODEL, licenses: ["long ".repeat(100)], system: "漢".repeat(200) };
  for (const cells of [3, 20, 60, 200]) {
    for (const mode of ["table", "compact"] as const) {
      const all = showText(wide, colorTerminal(cells), { ...VIEW, mode });
      if (cells < 20) continue;
      for (const line of all.split("\n")) assert.ok(width(line) <= cells, line);
    }
  }
});

Deno.test("showText() prints one document with all details as JSON", () => {
  const document = JSON.parse(text({}, { mode: "json" }));
  assert.equal(document.name, "llama3.2:latest");
  assert.deepEqual(document.details, {
    format: "gguf",
    family: "llama",
    families: ["llama"],
    architecture: "llama",
    parameter_size: "3.2B",
    quantization_level: "Q4_K_M",
    context_length: 131072,
    embedding_length: 3072,
  });
  assert.deepEqual(document.layers[1], {
    media_type: `${IMAGE}license`,
    digest: digestOf("e".repeat(64)),
    size: 7711,
    state: "missing",
  });
  assert.deepEqual(
    [document.licenses, document.template, document.parameters, document.model_info],
    [MODEL.licenses, MODEL.template, MODEL.parameters, MODEL.metadata],
  );
});

Deno.test("parametersText() formats numbers as Ollama does", () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, "0"],
    [999, "999"],
    [27_232, "27K"],
    [1_000_000, "1M"],
    [134_515_008, "134.52M"],
    [1_000_000_000, "1B"],
    [3_212_749_888, "3.2B"],
    [8_030_261_312, "8.0B"],
  ];
  for (const [count, expected] of cases) assert.equal(parametersText(count), expected);
});

Deno.test("showText() shows the projector in a section of its own", () => {
  const projector = {
    "general.architecture": "clip",
    "general.parameter_count": 311_890_000,
    "clip.vision.embedding_length": 1152,
    "clip.vision.projection_dim": 2560,
  };
  assert.ok(
    text({ projector }).includes(`
  Projector
    architecture        clip
    parameters          311.89M
    embedding length    1152
    dimensions          2560

  Parameters
`),
    text({ projector }),
  );
  const facts = text({ projector }, { mode: "compact" });
  const row = /^projector +(.*)$/m.exec(facts)?.[1];
  assert.equal(
    row,
    "architecture clip, parameters 311.89M, embedding length 1152, dimensions 2560",
  );
});

Deno.test("showText() writes integers of any size as numbers into JSON", () => {
  const metadata = { "llama.seed": 2n ** 64n - 1n, "llama.epsilon": 1e-5 };
  const json = text({ metadata }, { mode: "json" });
  assert.ok(json.includes('"model_info":{"llama.seed":18446744073709551615,'), json);
  assert.match(text({ metadata }, { verbose: true }), /llama\.seed +18446744073709551615\n/);
});
