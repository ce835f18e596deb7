import assert from "node:assert/strict";
import { dirname } from "node:path";
import { type Ended, runToEnd, spawnAlone } from "../real/child.ts";
import { pullamaCommand } from "../real/program.ts";
import { assertInstalled } from "../real/store.ts";
import { MIB } from "./kills.ts";
import { machine } from "./machine.ts";
import { scene } from "./scene.ts";
import { needing } from "../needs.ts";

/** Runs a command with an environment variable whose value is not UTF-8. */
function runWithBytes(
  variable: string,
  command: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Ended> {
  const script = `${variable}=$(printf '/tmp/\\377'); export ${variable}; exec "$@"`;
  return runToEnd(["/bin/sh", "-c", script, "sh", ...command], { env });
}

Deno.test({
  ...needing(
    ["any names"],
    "a variable that is not UTF-8 is named in one sentence, if it is needed for the models folder",
  ),
  async fn() {
    await using place = await machine();
    for (const variable of ["HOME", "OLLAMA_MODELS"]) {
      for (const args of [["list"], ["tiny"], ["queue", "list"]]) {
        const command = [...pullamaCommand(), ...args];
        const { code, out, err } = await runWithBytes(variable, command, place.env);
        assert.deepEqual([code, out], [1, ""], err);
        assert.match(
          err,
          new RegExp(`^the environment variable ${variable} is not valid UTF-8\\nhint: .*\\n$`),
        );
      }
    }
  },
});

Deno.test({
  ...needing(["any names"], "--models-dir works whichever variables are not UTF-8"),
  async fn() {
    await using it = await scene({}, MIB);
    const { place, model } = it;
    for (const variable of ["HOME", "OLLAMA_MODELS", "LANG", "TERM", "CI", "NO_COLOR"]) {
      const { code, err } = await runWithBytes(variable, place.command([model.name]), place.env);
      assert.deepEqual([code, err], [0, ""], variable);
    }
    assertInstalled(place.models, model.name, it.installed);
  },
});

Deno.test({
  ...needing(
    ["any names"],
    "a pull completes although its working directory is removed while it runs",
  ),
  async fn() {
    await using it = await scene({});
    const { registry, place, model } = it;
    const cwd = await Deno.makeTempDir({ dir: dirname(place.models) });
    const asked = Promise.withResolvers<void>();
    const removed = Promise.withResolvers<void>();
    registry.faults.manifest = async () => {
      asked.resolve();
      await removed.promise;
      return undefined;
    };
    const process = spawnAlone(place.command([model.name]), { env: place.env, cwd });
    const texts = Promise.all(
      [process.stdout, process.stderr].map((stream) => new Response(stream).text()),
    );
    await asked.promise;
    await Deno.remove(cwd);
    removed.resolve();
    const { code } = await process.status;
    assert.deepEqual([code, (await texts)[1]], [0, ""]);
    assertInstalled(place.models, model.name, it.installed);
  },
});
