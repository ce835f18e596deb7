import assert from "node:assert/strict";
import { width } from "../../../src/ui/terminal/draw.ts";
import { exists } from "../../fakes/exists.ts";
import { writeModelsFolder } from "../../fakes/models_folder.ts";
import { otherHolder } from "../../io/other_process.ts";
import { colorTerminal } from "../../ui/fake_terminal.ts";
import { fakeHost, ran } from "../fake_host.ts";
import { testWith } from "../../needs.ts";

/** A models folder as Ollama writes it, and a command line for it. */
async function place() {
  const root = await Deno.makeTempDir({ prefix: "pullama-rm-" });
  const models = `${root}/models`;
  return {
    models,
    fixture: writeModelsFolder(models),
    rm: (...args: string[]) => ran(["rm", ...args, "--models-dir", models]),
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

Deno.test("rm removes models and reports the freed space and the kept blobs", async () => {
  await using here = await place();
  const one = await here.rm("llama3.2");
  assert.deepEqual([one.code, one.err], [0, ""]);
  // How much an unfinished blob takes differs by file system.
  assert.match(one.out, /^removed llama3\.2:latest, 1\.[89] kB freed, 4 shared blobs kept\n$/);
  const two = await here.rm("hf.co/bartowski/llama-3.2-1b-instruct-gguf:q4_k_m", "mine:latest");
  assert.deepEqual([two.code, two.err], [0, ""]);
  assert.match(
    two.out,
    /^removed hf\.co\/bartowski\/Llama-3\.2-1B-Instruct-GGUF:Q4_K_M, \d+ B freed\nremoved mine:latest, \d+ B freed, 2 shared blobs kept\n2 of 2 models removed, 1\.\d kB freed\n$/,
  );
});

Deno.test("case 106: rm of a missing model exits with 4, removes the others and suggests names", async () => {
  await using here = await place();
  const { code, out, err } = await here.rm("llama3.3", "mine", "llama3.2:7b", "zzz");
  assert.equal(code, 4);
  assert.match(out, /^removed mine:latest, .*\n1 of 4 models removed, .* freed\n$/);
  assert.equal(
    err,
    [
      "cannot remove llama3.3:latest: it is not installed",
      "hint: did you mean llama3.2:latest",
      "cannot remove llama3.2:7b: it is not installed",
      "hint: installed tags: llama3.2:1b, llama3.2:latest",
      "cannot remove zzz:latest: it is not installed",
      `hint: list installed models with: pullama list --models-dir ${here.models}`,
      "",
    ].join("\n"),
  );
});

Deno.test("rm exits with the code of the first failure, including invalid names", async () => {
  await using here = await place();
  const bad = await here.rm("a b", "nosuch");
  assert.equal(bad.code, 1);
  assert.match(bad.err, /^invalid model name "a b": .*\nhint: .*\ncannot remove nosuch:latest: /);
  assert.equal((await here.rm("nosuch", "a b")).code, 4);
  assert.equal((await ran(["rm"])).code, 1);
});

Deno.test("rm of a model that is given twice removes it once", async () => {
  await using here = await place();
  const { code, out } = await here.rm("mine", "mine:latest", "library/mine");
  assert.equal(code, 0);
  assert.match(out, /^removed mine:latest, [^\n]*\n$/);
});

Deno.test("case 102: rm reports the manifest that it cannot read, once for all models", async () => {
  await using here = await place();
  const broken = `${here.models}/${here.fixture.models.hub.path}`;
  await Deno.writeTextFile(broken, "{");
  const { code, out, err } = await here.rm("llama3.2", "mine");
  assert.deepEqual([code, out], [1, "0 of 2 models removed, 0 B freed\n"]);
  assert.match(err, /^cannot remove llama3\.2:latest, mine:latest: cannot read the manifest /);
  assert.ok(err.includes(broken));
  assert.equal(err.split("\n").length, 3, "one sentence and one hint");
  assert.ok(exists(`${here.models}/${here.fixture.models.llama.path}`));
});

testWith(
  ["readable locks"],
  "case 104: rm exits with 1 while a pull is running, and names the holder",
  async () => {
    await using here = await place();
    await using pull = await otherHolder(`${here.models}/.pullm/store.lock`);
    const { code, out, err } = await here.rm("mine");
    assert.deepEqual([code, out], [1, ""]);
    assert.match(
      err,
      new RegExp(`^cannot remove mine:latest: a pull is running.*pid ${pull.pid} on`),
    );
  },
);

Deno.test("rm --quiet prints one line", async () => {
  await using here = await place();
  assert.match(
    (await here.rm("llama3.2", "-q")).out,
    /^removed llama3\.2:latest, 1\.[89] kB freed\n$/,
  );
  assert.match((await here.rm("mine", "nosuch", "-q")).out, /^1 of 2 models removed, .* freed\n$/);
  const none = await here.rm("nosuch", "--quiet");
  assert.deepEqual([none.out, none.code], ["", 4]);
});

Deno.test("rm --output json prints one document, even with failures", async () => {
  await using here = await place();
  const { code, out, err } = await here.rm("llama3.2", "nosuch", "a b", "--output", "json");
  assert.equal(code, 4);
  assert.notEqual(err, "");
  const document = JSON.parse(out);
  assert.equal(out.split("\n").length, 2);
  const { freed_bytes, ...removed } = document.removed[0];
  assert.deepEqual(removed, {
    name: "llama3.2:latest",
    full_name: "registry.ollama.ai/library/llama3.2:latest",
    blobs: 2,
    shared_blobs: 4,
  });
  assert.equal(document.freed_bytes, freed_bytes);
  assert.deepEqual(
    document.failed.map((
      { name, kind, exit_code }: Record<string, unknown>,
    ) => [name, kind, exit_code]),
    [["nosuch:latest", "not_found", 4], ["a b", "invalid_name", 1]],
  );
});

Deno.test("rm prints the same on a terminal, with the separators of the terminal", async () => {
  await using here = await place();
  const host = fakeHost({ terminal: colorTerminal });
  const { out } = await ran(["rm", "mine", "--models-dir", here.models], host);
  assert.match(out, /^removed mine:latest · \d+ B freed · 2 shared blobs kept\n$/);
  const plain = fakeHost({ terminal: colorTerminal });
  const argv = ["rm", "llama3.2:1b", "nosuch", "--no-color", "--models-dir", here.models];
  const { out: ascii, err } = await ran(argv, plain);
  assert.match(ascii + err, /^[\n\x20-\x7e]*$/);
});

Deno.test("rm --help prints its flags and examples within 80 columns", async () => {
  for (const argv of [["rm", "--help"], ["help", "rm"]]) {
    const { code, out } = await ran(argv);
    assert.equal(code, 0);
    for (
      const word of ["--models-dir", "--output", "--quiet", "--verbose", "--no-color", "Examples:"]
    ) {
      assert.ok(out.includes(word), word);
    }
    for (const line of out.split("\n")) assert.ok(width(line) <= 80, line);
  }
});
