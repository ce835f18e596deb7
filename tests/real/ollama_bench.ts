/** A real Ollama server and this program on the same models folder, to compare what they print. */

import assert from "node:assert/strict";
import { GgufWriter } from "../store/show/gguf_writer.ts";
import { runToEnd, temporaryFolder } from "./child.ts";
import { pullama } from "./program.ts";
import { startOllama } from "./servers.ts";

/** A models folder with a real server on it, and the output of both programs. */
export interface Bench extends AsyncDisposable {
  readonly models: string;
  ours(...args: string[]): Promise<string>;
  theirs(...args: string[]): Promise<string>;
  /** The server's response to `POST /api/show`. */
  show(model: string): Promise<Shown>;
}

export interface Shown {
  readonly details: Readonly<Record<string, unknown>>;
  readonly capabilities: readonly string[];
  readonly model_info: Readonly<Record<string, unknown>>;
  readonly requires?: string;
  readonly license?: string;
  readonly system?: string;
  readonly template?: string;
  readonly projector_info?: Readonly<Record<string, unknown>>;
}

export async function openBench(fill: (models: string) => void): Promise<Bench> {
  const folder = await temporaryFolder();
  await Deno.chmod(folder.path, 0o755);
  const home = `${folder.path}/home`;
  const models = `${folder.path}/models`;
  await Deno.mkdir(home);
  fill(models);
  const server = await startOllama(models, home);
  return {
    models,
    async ours(...args) {
      const { code, out, err } = await pullama([...args, "--models-dir", models], { home });
      assert.equal(code, 0, err);
      return out;
    },
    async theirs(...args) {
      const env = { HOME: home, OLLAMA_HOST: server.host };
      const { code, out, err } = await runToEnd([Deno.env.get("OLLAMA_BIN")!, ...args], { env });
      assert.equal(code, 0, `${err}\n${server.log()}`);
      return out;
    },
    async show(model) {
      const body = JSON.stringify({ model });
      const answer = await fetch(`http://${server.host}/api/show`, { method: "POST", body });
      assert.equal(answer.status, 200, `${model}: ${server.log()}`);
      return await answer.json();
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** A GGUF file without tensors, with these strings and numbers in addition to its architecture. */
export function header(values: Readonly<Record<string, string | number>>): Uint8Array {
  const all = Object.entries({ "general.architecture": "llama", ...values });
  const file = GgufWriter.header(all.length);
  for (const [key, value] of all) {
    if (typeof value === "string") file.key(key, 8).text(value);
    else file.key(key, 4).u32(value);
  }
  return file.bytes;
}
