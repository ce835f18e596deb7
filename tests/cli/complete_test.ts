import assert from "node:assert/strict";
import { runToEnd, temporaryFolder } from "../real/child.ts";
import { fakeHost } from "./fake_host.ts";
import { addSmallModel } from "../fakes/installed.ts";
import { run } from "../../src/cli/program.ts";
import { completionScript } from "../../src/cli/completion_scripts.ts";
import { SHELLS } from "../../src/cli/shells.ts";
import { wire } from "../../src/cli/wire.ts";

/** The candidates for the last of `words`, in a models folder with three models and a queue of two. */
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
    [["li"], ["list"]],
    [["q"], ["queue"]],
    [["lla"], ["llama3.2:latest"]],
    [["rm", "mistral:7"], ["mistral:7b", "mistral:7b-q4_K_M"]],
    [["rm", "mistral:7b", "mistral"], ["mistral:7b-q4_K_M"]],
    [["show", "llama3.2:latest", ""], []],
    [["pull", "list", ""], ["llama3.2:latest", "mistral:7b", "mistral:7b-q4_K_M"]],
    [["queue", ""], ["add", "list", "rm", "start"]],
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
    [["completion", "f"], ["fish"]],
    [["rm", "--models-dir", "/nowhere/at/all", ""], []],
    [["rm", "--", "--dry"], []],
    [["help", "sh"], ["show"]],
  ] as const
) {
  Deno.test(`complete() answers ${expected.join(" ") || "nothing"} to "${words.join(" ")}"`, async () => {
    assert.deepEqual((await completing(words)).toSorted(), expected.toSorted());
  });
}

Deno.test("complete() offers commands and models where neither has begun", async () => {
  const all = await completing([""]);
  for (const word of ["pull", "list", "rm", "mistral:7b"]) assert.ok(all.includes(word), word);
  assert.ok(!all.some((word) => word.startsWith("_")), "what is hidden stays so");
});

for (const shell of SHELLS) {
  Deno.test(`pullama completion ${shell} prints a script that speaks of pullama`, async () => {
    const host = fakeHost();
    assert.equal(await run(["completion", shell], host, wire), 0);
    assert.equal(host.out.text, completionScript(shell));
    assert.match(host.out.text, /__complete/);
  });
}

Deno.test("pullama completion names the shells it knows when it is given another", async () => {
  const host = fakeHost();
  assert.equal(await run(["completion", "tcsh"], host, wire), 1);
  assert.match(host.err.text, /bash, zsh, fish, powershell/);
});

Deno.test("the script for bash is accepted by bash", async () => {
  const { code, err } = await runToEnd(["bash", "-n", "-c", completionScript("bash")]);
  assert.deepEqual([code, err], [0, ""]);
});
