/** The programs that are killed: each downloads the weights of a model, or all of it, into a folder. */

import { kill, spawnAlone } from "../real/child.ts";
import { cacheOfDeno, pullamaCommand } from "../real/program.ts";
import type { Pushed } from "../real/push.ts";
import { startOllama } from "../real/servers.ts";

export interface Target {
  readonly host: string;
  readonly model: Pushed;
  readonly digest: string;
  readonly folder: string;
}

/** A download that is under way. */
export interface Download {
  readonly signal: (signal: Deno.Signal) => void;
  /** The exit code; undefined after a signal that ends it at once. */
  readonly ended: Promise<number | undefined>;
  readonly text: () => Promise<string>;
}

export interface Client {
  readonly name: string;
  readonly start: (target: Target) => Promise<Download>;
  /** Where the weights are when it has ended. */
  readonly weights: (target: Target) => string;
}

const inBlobs = ({ folder, digest }: Target) =>
  `${folder}/models/blobs/${digest.replace(":", "-")}`;
const nameOn = ({ model, host }: Target) => model.name.replace(/^[^/]+/, host);

export function pullamaWith(...flags: string[]): Client {
  return {
    name: ["pullama", ...flags].join(" "),
    start(target) {
      const { folder } = target;
      const own = ["--insecure", "--quiet", "--models-dir", `${folder}/models`];
      return Promise.resolve(
        begun([...pullamaCommand(), nameOn(target), ...own, ...flags], folder),
      );
    },
    weights: inBlobs,
  };
}

const single = ({ folder }: Target) => `${folder}/blob`;
const urlOf = ({ host, digest }: Target) => `http://${host}/v2/library/tiny/blobs/${digest}`;

export const CURL: Client = {
  name: "curl -C -",
  start: (target) =>
    Promise.resolve(
      begun(["curl", "-sSfL", "-C", "-", "-o", single(target), urlOf(target)], target.folder),
    ),
  weights: single,
};

export const ARIA2C: Client = {
  name: "aria2c -c -x4 -s4 -k1M",
  start: (target) =>
    Promise.resolve(
      begun(
        ["aria2c", "-q", "-c", "-x4", "-s4", "-k1M", "-d", target.folder, "-o", "blob"]
          .concat(urlOf(target)),
        target.folder,
      ),
    ),
  weights: single,
};

/** Its server downloads; a signal ends the server, and the client with it. */
export const OLLAMA: Client = {
  name: "ollama pull",
  async start(target) {
    const { folder } = target;
    const withId = ["bash", "-c", 'echo "pid=$$" >&2; exec "$@"', "bash"];
    const server = await startOllama(`${folder}/models`, folder, withId);
    const id = Number(/^pid=(\d+)$/m.exec(server.log())![1]);
    const env = { HOME: folder, OLLAMA_HOST: server.host };
    const client = spawnAlone([Deno.env.get("OLLAMA_BIN")!, "pull", "--insecure", nameOn(target)], {
      env,
    });
    let signalled = false;
    const output = textOf(client);
    return {
      signal(signal) {
        signalled = true;
        Deno.kill(id, signal);
      },
      text: () => output,
      ended: (async () => {
        const { code } = await client.status;
        await output;
        await server[Symbol.asyncDispose]();
        return signalled ? undefined : code;
      })(),
    };
  },
  weights: inBlobs,
};

function begun(command: readonly string[], folder: string): Download {
  const process = spawnAlone(command, { env: { HOME: folder, ...cacheOfDeno() }, cwd: folder });
  const output = textOf(process);
  return {
    signal: (signal) => kill(process, signal),
    text: () => output,
    ended: (async () => {
      const { code, signal } = await process.status;
      await output;
      return signal === null ? code : undefined;
    })(),
  };
}

async function textOf(process: Deno.ChildProcess): Promise<string> {
  const texts = [process.stdout, process.stderr].map((stream) => new Response(stream).text());
  return (await Promise.all(texts)).join("");
}
