import assert from "node:assert/strict";
import { runToEnd, temporaryFolder } from "../../real/child.ts";
import { fakeHost } from "../fake_host.ts";
import { addSmallModel } from "../../fakes/installed.ts";
import { run } from "../../../src/cli/program.ts";
import { completionScript } from "../../../src/cli/completion/scripts.ts";
import { SHELLS } from "../../../src/cli/completion/shells.ts";
import { wire } from "../../../src/cli/wire.ts";
import { testWith } from "../../needs.ts";

/**
 * The candidates for the last of `words`, in a models folder with three models and a queue of two.
 */
async function completing(words: readonly string[]): Promise<string[]> {
  await using folder = await temporaryFolder();
  const models = folder.path;
  for (const name of ["llama3.2:latest", "mistral:7b", "mistral:7b-q4_K_M"]) {
    await addSmallModel(models, name);
  }
  const env = { HOME: folder.path, OLLAMA_MODELS: models };
  const queued = fakeHost({ env });
  assert.equal(await run(["queue", "add", "phi3:mini", "a/b:c"], queued, wire), 0);
  const host = fakeHost({ env });
  assert.equal(await run(["__complete", "--", ...words], host, wire), 0);
  return host.out.text.split("\n").slice(0, -1).map((line) => line.split("\t")[0]!);
}

for (
  const [words, expected] of [
    [["li"], ["limit", "list"]],
    [["q"], ["queue"]],
    [["lla"], ["llama3.2:latest"]],
    [["rm", "mistral:7"], ["mistral:7b", "mistral:7b-q4_K_M"]],
    [["rm", "mistral:7b", "mistral"], ["mistral:7b-q4_K_M"]],
    [["show", "llama3.2:latest", ""], []],
    [["pull", "list", ""], ["llama3.2:latest", "mistral:7b", "mistral:7b-q4_K_M"]],
    [["queue", ""], ["add", "list", "rm", "start"]],
    [["queue", " "], ["add", "list", "rm", "start"]],
    [["queue", "rm", ""], ["1", "2"]],
    [["queue", "rm", "2", ""], ["1"]],
    [["--conn"], ["--connections"]],
    [["llama3.2", "--dry"], ["--dry-run"]],
    [["pull", "--dry-run", "x", "--dry"], []],
    [["clean", "--dry"], ["--dry-run"]],
    [["list", "--conn"], []],
    [["pull", "--output", "j"], ["json"]],
    [["list", "--output=c"], ["--output=compact"]],
    [["pull", "--models-dir", "/t"], [":folders"]],
    [["pull", "--models-dir=/t"], [":folders"]],
    [["pull", "--ca-cert", ""], [":files"]],
    [["pull", "--connections", ""], []],
    [["import", ""], [":files"]],
    [["export", "llama3.2", "--file", ""], [":files"]],
    [["export", "llama3.2", "-o", ""], [":files"]],
    [["export", "--skip-list", ""], [":files"]],
    [["cp", "lla"], ["llama3.2:latest"]],
    [["cp", "llama3.2", "/mn"], [":folders"]],
    [["cp", "llama3.2", "D:\\m"], [":folders"]],
    [["mv", "--all", ""], [":folders"]],
    [["completion", "f"], ["fish"]],
    [["rm", "--models-dir", "/nowhere/at/all", ""], []],
    [["rm", "--", "--dry"], []],
    [["rm", "--models-dir", "~/", "llama"], ["llama3.2:latest"]],
    [["rm", "--models-dir", "~", "llama"], ["llama3.2:latest"]],
    [["rm", "--models-dir=~/", ""], []],
    [["help", "sh"], ["show"]],
    [["help", "queue", ""], ["add", "list", "rm", "start"]],
    [["help", "queue", "s"], ["start"]],
    [["help", "list", ""], []],
    [["help", "nosuch", ""], []],
    [["queue", "help", "s"], ["start"]],
    [["queue", "add", "--out"], ["--output"]],
  ] as const
) {
  Deno.test(`complete() offers ${expected.join(" ") || "nothing"} for "${words.join(" ")}"`, async () => {
    assert.deepEqual((await completing(words)).toSorted(), expected.toSorted());
  });
}

Deno.test("complete() offers commands and models for an empty line", async () => {
  const all = await completing([""]);
  for (const word of ["pull", "list", "rm", "mistral:7b"]) assert.ok(all.includes(word), word);
  assert.ok(!all.some((word) => word.startsWith("_")), "hidden commands are not offered");
});

for (const shell of SHELLS) {
  Deno.test(`pullama completion ${shell} prints a script that calls pullama`, async () => {
    const host = fakeHost();
    assert.equal(await run(["completion", shell], host, wire), 0);
    assert.equal(host.out.text, completionScript(shell));
    assert.match(host.out.text, /__complete/);
  });
}

Deno.test("pullama completion lists the supported shells when given another", async () => {
  const host = fakeHost();
  assert.equal(await run(["completion", "tcsh"], host, wire), 1);
  assert.match(host.err.text, /bash, zsh, fish, powershell/);
});

testWith(["bash"], "the bash script has valid syntax", async () => {
  const { code, err } = await runToEnd(["bash", "-n", "-c", completionScript("bash")]);
  assert.deepEqual([code, err], [0, ""]);
});

/**
 * What bash offers for a line if pullama prints `candidates`; `old`: without the builtins that
 * macOS lacks.
 */
async function offered(
  line: string,
  candidates: readonly string[],
  old: boolean,
): Promise<string[]> {
  const script = [
    old ? "enable -n compopt mapfile readarray" : "compopt() { :; }",
    completionScript("bash"),
    `pullama() { printf '%s\\n' ${candidates.map((one) => `'${one}'`).join(" ")}; }`,
    `COMP_LINE='${line}' COMP_POINT=${line.length}`,
    "_pullama",
    'printf "%s|\\n" "${COMPREPLY[@]}"',
  ].join("\n");
  const { code, out, err } = await runToEnd(["bash", "--norc", "-c", script]);
  assert.deepEqual([code, err], [0, ""]);
  return out.split("\n").slice(0, -1);
}

testWith(
  ["bash"],
  "the bash script works without the builtins that the bash of macOS lacks",
  async () => {
    await using folder = await temporaryFolder();
    await Deno.mkdir(`${folder.path}/only one`);
    const line = `pullama list --models-dir ${folder.path}/on`;
    for (const [old, blank, slash] of [[false, "", ""], [true, " ", "/"]] as const) {
      const models = ["mistral:7b\t4 GB", "mistral:7b-q8"];
      assert.deepEqual(
        await offered("pullama rm mistral:7", models, old),
        [`7b${blank}|`, `7b-q8${blank}|`],
      );
      assert.deepEqual(await offered(line, [":folders"], old), [
        `${folder.path}/only one${slash}|`,
      ]);
    }
  },
);
