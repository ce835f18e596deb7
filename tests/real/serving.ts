/** `pullama serve` as a program. */

import { ownAddress } from "../fakes/listen.ts";
import { kill, spawnAlone } from "./child.ts";
import { cacheOfDeno, pullamaCommand } from "./program.ts";

const WINDOWS = Deno.build.os === "windows";

export interface Program extends AsyncDisposable {
  /** Such as `127.0.0.1:40001`; on Windows without a port, which no folder can have in its name. */
  readonly host: string;
  readonly pid: number;
  /** Sends the signal, and resolves with its exit code and what it printed. */
  readonly end: (signal: Deno.Signal) => Promise<{ readonly code: number; readonly out: string }>;
}

/** Starts it on a models folder, at a free port unless `args` say otherwise. */
export async function startServing(
  models: string,
  home: string,
  args: readonly string[] = [],
): Promise<Program> {
  const free = WINDOWS ? `${ownAddress()}:80` : "127.0.0.1:0";
  const listen = args.includes("--listen") ? [] : ["--listen", free];
  const command = [...pullamaCommand(), "serve", "--models-dir", models, ...listen, ...args];
  const process = spawnAlone(command, { env: { HOME: home, ...cacheOfDeno() } });
  let out = "";
  const { promise: started, resolve } = Promise.withResolvers<string | undefined>();
  const reading = (async () => {
    for await (const piece of process.stdout.pipeThrough(new TextDecoderStream())) {
      out += piece;
      const [, host] = /http:\/\/(127\.[\d.:]+)/.exec(out) ?? [];
      if (host) resolve(WINDOWS ? host.replace(/:80$/, "") : host);
    }
    resolve(undefined);
  })();
  const failed = new Response(process.stderr).text();
  const host = await started;
  if (host === undefined) throw new Error(`it does not start: ${await failed}`);
  const end: Program["end"] = async (signal) => {
    kill(process, signal);
    const { code } = await process.status;
    await Promise.all([reading, failed]);
    return { code, out };
  };
  return {
    host,
    pid: process.pid,
    end,
    async [Symbol.asyncDispose]() {
      await end("SIGTERM");
    },
  };
}
