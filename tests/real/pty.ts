/** Runs programs in a pseudo terminal with a screen. */

import { Screen } from "../ui/screen.ts";
import { kill } from "./child.ts";

/** Runs a command in a pseudo terminal. Part of util-linux. */
const SCRIPT = "/usr/bin/script";
/** Time limit for a program, in milliseconds. */
const LIMIT_MS = 60_000;

/** Whether pseudo terminals are available. */
export function hasTerminals(): boolean {
  try {
    return Deno.build.os === "linux" && Deno.statSync(SCRIPT).isFile;
  } catch {
    return false;
  }
}

export interface PtyOptions {
  readonly columns: number;
  readonly rows?: number;
  readonly env: Readonly<Record<string, string>>;
}

/** A program in a terminal, until disposed. */
export class Pty implements AsyncDisposable {
  readonly screen: Screen;
  /** All output so far. */
  text = "";
  readonly #process: Deno.ChildProcess;
  readonly #pieces: ReadableStreamDefaultReader<string>;
  readonly #keys: WritableStreamDefaultWriter<Uint8Array>;
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor([program = "", ...args]: readonly string[], { columns, rows = 24, env }: PtyOptions) {
    this.screen = new Screen(columns, rows);
    const words = [program, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
    this.#process = new Deno.Command(SCRIPT, {
      args: ["-qefc", `stty rows ${rows} cols ${columns}; exec ${words}`, "/dev/null"],
      clearEnv: true,
      env: {
        PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin",
        SHELL: "/bin/sh",
        TERM: "xterm-256color",
        LANG: "C.UTF-8",
        ...env,
      },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#pieces = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#keys = this.#process.stdin.getWriter();
    this.#timer = setTimeout(() => kill(this.#process, "SIGKILL"), LIMIT_MS);
  }

  /** Reads output until `seen` returns true for the screen; throws if the program ends first. */
  async until(seen: (screen: Screen) => boolean): Promise<void> {
    while (!seen(this.screen)) {
      if (!await this.#more()) throw new Error(`ended with ${JSON.stringify(this.screen.lines)}`);
    }
  }

  async type(keys: string): Promise<void> {
    await this.#keys.write(new TextEncoder().encode(keys));
  }

  /** The exit code of the program. */
  async ended(): Promise<number> {
    while (await this.#more());
    return (await this.#process.status).code;
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#pieces.read();
    if (done) return false;
    this.text += value;
    await this.screen.write(value);
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer);
    kill(this.#process, "SIGKILL");
    await this.#pieces.cancel();
    await this.#keys.abort().catch(() => {});
    await this.#process.status;
    this.screen[Symbol.dispose]();
  }
}
