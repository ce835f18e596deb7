/** Runs pullama as a process in temporary directories, with time limits. */

import { filesIn } from "../real/store.ts";
import { kill, spawnAlone, temporaryFolder } from "../real/child.ts";
import { cacheOfDeno, pullamaCommand } from "../real/program.ts";

/** Milliseconds after which a process is killed. */
const LIMIT_MS = 60_000;

/** Commands that do without a network. */
const LOCAL = /^(?:clean|list|rm|queue (?:add|list|rm))\b/;

export interface Run extends AsyncDisposable {
  readonly process: Deno.ChildProcess;
  /** Its stdout and stderr so far. */
  readonly out: () => string;
  readonly err: () => string;
  /** Resolves with the match once stdout or stderr matches; rejects if the process ends first. */
  readonly says: (what: RegExp) => Promise<string>;
  readonly ended: Promise<Deno.CommandStatus>;
}

export interface Machine extends AsyncDisposable {
  readonly models: string;
  /** The command that `start` runs, and its environment. */
  readonly command: (args: readonly string[]) => string[];
  readonly env: Readonly<Record<string, string>>;
  readonly start: (args: readonly string[], prefix?: readonly string[]) => Run;
  /** The files of unfinished blobs with this extension: `live`, `partial`, `json`. */
  readonly unfinished: (extension: string) => string[];
}

/** A machine with an empty models folder, at `models` if given. */
export async function machine(models?: string): Promise<Machine> {
  const folder = await temporaryFolder();
  const dir = models ?? `${folder.path}/models`;
  const env = { HOME: folder.path, ...cacheOfDeno() };
  const command = (args: readonly string[]) => {
    const network = LOCAL.test(args.join(" ")) ? [] : ["--insecure"];
    return [...pullamaCommand(), ...args, ...network, "--models-dir", dir];
  };
  return {
    models: dir,
    command,
    env,
    start: (args, prefix = []) => start([...prefix, ...command(args)], env),
    unfinished: (extension) => {
      const own = `${dir}/.pullm`;
      if (!exists(own)) return [];
      return filesIn(own)
        .filter((name) => name.startsWith("sha256-") && name.endsWith(`.${extension}`))
        .map((name) => `${own}/${name}`);
    },
    [Symbol.asyncDispose]: folder[Symbol.asyncDispose],
  };
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

function start(command: readonly string[], env: Readonly<Record<string, string>>): Run {
  const process = spawnAlone(command, { env });
  const timer = setTimeout(() => kill(process, "SIGKILL"), LIMIT_MS);
  const text = { out: "", err: "" };
  const listeners = new Set<() => void>();
  const read = async (stream: ReadableStream<Uint8Array>, which: "out" | "err") => {
    for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
      text[which] += piece;
      for (const listener of listeners) listener();
    }
  };
  const ended = (async () => {
    await Promise.all([read(process.stdout, "out"), read(process.stderr, "err")]);
    const status = await process.status;
    clearTimeout(timer);
    return status;
  })();
  return {
    process,
    ended,
    out: () => text.out,
    err: () => text.err,
    says: (what) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const hit = what.exec(text.out) ?? what.exec(text.err);
          if (hit) {
            listeners.delete(look);
            resolve(hit[0]);
          }
          return hit !== null;
        };
        if (look()) return;
        listeners.add(look);
        ended.then(({ code }) => {
          if (!look()) reject(new Error(`it ended with ${code}: ${text.out}${text.err}`));
        });
      }),
    async [Symbol.asyncDispose]() {
      kill(process, "SIGKILL");
      await ended;
    },
  };
}
