/** A real Ollama server on a models folder, and a registry to pull models from. */

import assert from "node:assert/strict";
import {
  type AddedModel,
  type ModelFiles,
  type Registry,
  type RegistryOptions,
  startRegistry,
} from "../fakes/registry.ts";
import { type Ended, runToEnd, temporaryFolder } from "./child.ts";
import { pullama } from "./program.ts";
import { startOllama } from "./servers.ts";

/** A home directory, a models folder and a registry to pull from. */
export interface World extends AsyncDisposable {
  readonly home: string;
  readonly models: string;
  readonly registry: Registry;
  /** Adds a model to the registry and pulls it into the models folder. */
  install(name: string, files: ModelFiles): Promise<AddedModel>;
  pull(name: string): Promise<Ended>;
}

export async function openWorld(options: RegistryOptions = {}): Promise<World> {
  const folder = await temporaryFolder();
  await Deno.chmod(folder.path, 0o755);
  const registry = await startRegistry(options);
  const home = `${folder.path}/home`;
  const models = `${folder.path}/models`;
  await Deno.mkdir(home);
  const pull = (name: string) => pullama([name, "--insecure", "--models-dir", models], { home });
  return {
    home,
    models,
    registry,
    pull,
    async install(name, files) {
      const model = registry.add(name, files);
      const { code, err } = await pull(model.name);
      assert.deepEqual([code, err], [0, ""]);
      return model;
    },
    async [Symbol.asyncDispose]() {
      await registry.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** A running server and its command line. */
export interface Ollama extends AsyncDisposable {
  /** Runs `ollama …` and resolves with its stdout; rejects if the command fails. */
  run(...argv: string[]): Promise<string>;
  show(name: string): Promise<number>;
  readonly log: () => string;
}

/**
 * Starts a server on the models folder; `prefix` is a command that runs it, such as `setpriv …`.
 */
export async function openOllama(
  { models, home }: Pick<World, "models" | "home">,
  prefix: readonly string[] = [],
): Promise<Ollama> {
  const server = await startOllama(models, home, prefix);
  const env = { HOME: home, OLLAMA_HOST: server.host };
  return {
    log: server.log,
    async run(...argv) {
      const binary = Deno.env.get("OLLAMA_BIN")!;
      const { code, out, err } = await runToEnd([...prefix, binary, ...argv], { env });
      assert.equal(code, 0, `ollama ${argv.join(" ")}: ${err}\n${server.log()}`);
      return out;
    },
    async show(model) {
      const body = JSON.stringify({ model });
      const answer = await fetch(`http://${server.host}/api/show`, { method: "POST", body });
      await answer.body?.cancel();
      return answer.status;
    },
    [Symbol.asyncDispose]: server[Symbol.asyncDispose],
  };
}

/** Sets all times below `path` two hours back: old enough for Ollama to prune. */
export async function age(path: string): Promise<void> {
  const then = Date.now() / 1000 - 2 * 3600;
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    if (isDirectory) await age(`${path}/${name}`);
    else await Deno.utime(`${path}/${name}`, then, then);
  }
  await Deno.utime(path, then, then);
}
