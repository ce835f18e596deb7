import assert from "node:assert/strict";
import { makeModel } from "../../fakes/model.ts";
import { CLOUD_STUB, install, layer, tensorModel } from "../../store/installed_models.ts";
import { type Ran, ran } from "../fake_host.ts";

const MODEL = makeModel({ size: 0 });

/** Runs command lines with a folder of a few models. */
async function within(
  test: (run: (line: string) => Promise<Ran>, models: string) => Promise<void>,
): Promise<void> {
  const models = await Deno.makeTempDir({ prefix: "pullama-show-" });
  try {
    install(models, "llama3.2/latest", MODEL);
    install(models, "mistral/7b", MODEL);
    install(models, "mistral/7b-q8", MODEL);
    install(models, "hf.co/User/Repo-GGUF/Q4_K_M", MODEL);
    install(models, "gpt-oss/120b-cloud", CLOUD_STUB);
    install(models, "tensors/latest", tensorModel(5));
    await test((line) => ran([...line.split(" "), "--models-dir", models]), models);
  } finally {
    await Deno.remove(models, { recursive: true });
  }
}

Deno.test("pullama show prints the details of a model", async () => {
  await within(async (run) => {
    for (
      const line of ["show llama3.2", "--no-color show llama3.2:latest", "show library/llama3.2"]
    ) {
      const { code, out, err } = await run(line);
      assert.deepEqual([code, err], [0, ""], line);
      for (const row of ["family +llama", "parameters +27K", "quantization +F32"]) {
        assert.match(out, new RegExp(`^ {4}${row}$`, "m"), line);
      }
      assert.match(out, /^ {2}Capabilities\n {4}completion$/m);
      assert.match(out, /^ {4}application\/vnd\.ollama\.image\.model +[0-9a-f]{12} +116 kB$/m);
    }
  });
});

Deno.test("pullama show supports every output mode", async () => {
  await within(async (run) => {
    const document = JSON.parse((await run("--output json show llama3.2")).out);
    assert.deepEqual([document.name, document.details.context_length, document.layers.length], [
      "llama3.2:latest",
      128,
      5,
    ]);
    assert.equal((await run("show llama3.2 -q")).out, "llama3.2:latest\n");
    assert.match((await run("show llama3.2 --output compact")).out, /^context length +128$/m);
    assert.match((await run("show llama3.2 --output debug")).out, /context_length: 128/);
    assert.match((await run("-v show llama3.2")).out, /^ {4}llama\.block_count +1$/m);
  });
});

Deno.test("pullama show ignores the case of names as Ollama does", async () => {
  await within(async (run) => {
    const { code, out } = await run("show HF.co/user/repo-gguf:q4_k_m");
    assert.equal(code, 0);
    assert.match(out, /^ {4}name +hf\.co\/User\/Repo-GGUF:Q4_K_M$/m);
  });
});

Deno.test("pullama show handles a cloud stub and a model of tensors", async () => {
  await within(async (run) => {
    const stub = await run("show gpt-oss:120b-cloud");
    assert.deepEqual([stub.code, stub.err], [0, ""]);
    assert.match(stub.out, /^ {4}runs +on another machine/m);
    const tensors = await run("show tensors");
    assert.deepEqual([tensors.code, tensors.err], [0, ""]);
    assert.match(tensors.out, /^ {4}format +safetensors \(5 tensors\)$/m);
  });
});

Deno.test("pullama show warns about missing blobs", async () => {
  await within(async (run, models) => {
    const half = install(models, "half/latest", makeModel({ size: 0, seed: 2 }));
    Deno.removeSync(half.blobs[1]!);
    const { code, out, err } = await run("show half");
    assert.equal(code, 0);
    assert.match(out, /image\.model +[0-9a-f]{12} +116 kB +missing$/m);
    assert.equal(
      err,
      "warning: 1 of 5 blobs missing or damaged\n" +
        `hint: pull it with: pullama pull half:latest --models-dir ${models}\n`,
    );
  });
});

Deno.test("pullama show exits with 4 for a model that is not installed, and suggests others", async () => {
  await within(async (run, models) => {
    const cases: readonly (readonly [string, string, string])[] = [
      ["lama3.2", "lama3.2:latest", "did you mean llama3.2:latest"],
      ["mistral", "mistral:latest", "installed tags: mistral:7b, mistral:7b-q8"],
      [
        "nosuch:1b",
        "nosuch:1b",
        `pull it with: pullama pull nosuch:1b --models-dir ${models}`,
      ],
    ];
    for (const [given, shown, hint] of cases) {
      for (const flags of ["", " -q", " --output json"]) {
        const { code, out, err } = await run(`show ${given}${flags}`);
        assert.equal(code, 4, given);
        if (!flags.includes("json")) assert.equal(out, "", given);
        assert.equal(
          err,
          `cannot show ${shown}: it is not installed in ${models}\nhint: ${hint}\n`,
        );
      }
    }
  });
});

Deno.test("pullama show exits with 1 for a broken manifest, and prints how to repair it", async () => {
  await within(async (run, models) => {
    const { path } = install(models, "cut/latest", { manifest: "{" });
    const { code, out, err } = await run("show cut");
    assert.deepEqual([code, out], [1, ""]);
    assert.ok(err.startsWith(`cannot read the manifest ${path}: `), err);
    assert.match(err, /^hint: pull it with: pullama pull cut:latest --models-dir \S+$/m);
    assert.doesNotMatch(err, /^ +at /m);
    assert.match((await run("show cut -v")).err, /^ +at /m);
  });
});

Deno.test("pullama show warns about data it cannot parse, and shows the rest", async () => {
  await within(async (run, models) => {
    install(models, "odd/latest", { layers: [layer("model", "no weights")] });
    const { code, out, err } = await run("show odd");
    assert.equal(code, 0);
    assert.match(out, /^ {4}name +odd:latest$/m);
    assert.match(err, /^warning: .* is not a GGUF file$/m);
  });
});

Deno.test("pullama show rejects invalid arguments", async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["show", /missing required argument 'model'/],
    ["show a b", /too many arguments/],
    ["show m:", /^invalid model name "m:"/],
    ["show ../x", /^invalid model name/],
    ["show m --force", /unknown option '--force'/],
  ];
  for (const [line, pattern] of cases) {
    const { code, out, err } = await ran(line.split(" "));
    assert.deepEqual([code, out], [1, ""], line);
    assert.match(err, pattern, line);
  }
});

Deno.test("pullama show --help prints its flags and examples within 80 columns", async () => {
  for (const line of ["show --help", "help show"]) {
    const { code, out } = await ran(line.split(" "));
    assert.equal(code, 0);
    for (const word of ["Usage: pullama show", "--output", "Examples:"]) {
      assert.ok(out.includes(word), `${line}: ${word}`);
    }
    assert.deepEqual(out.split("\n").filter((row) => row.length > 80), []);
  }
});
