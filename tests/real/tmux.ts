/** A program in a tmux window, which rewraps lines when the width changes. */

import { runToEnd, temporaryFolder } from "./child.ts";

/** Milliseconds for a program to show an expected text. */
const LIMIT_MS = 60_000;

export interface Tmux extends AsyncDisposable {
  resize(columns: number): Promise<void>;
  /** All text from the top of the scrollback, with wrapped lines joined. */
  text(): Promise<string>;
  /** The text as soon as `seen` returns true for it; rejects if it never does. */
  until(seen: (text: string) => boolean): Promise<string>;
}

export interface TmuxOptions {
  readonly columns: number;
  readonly env: Readonly<Record<string, string>>;
}

/** Runs `command` in a new window, which shows `code` and the exit code at the end. */
export async function startTmux(
  command: readonly string[],
  { columns, env }: TmuxOptions,
): Promise<Tmux> {
  const folder = await temporaryFolder();
  const tmux = async (...args: string[]) => {
    const program = ["/usr/bin/tmux", "-u", "-S", `${folder.path}/socket`, "-f", "/dev/null"];
    const { code, out, err } = await runToEnd([...program, ...args], { env });
    if (code !== 0) throw new Error(`tmux ${args[0]}: ${err}`);
    return out;
  };
  const words = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const size = ["-x", String(columns), "-y", "24"];
  await tmux("new-session", "-d", ...size, `${words}; echo code $?; read forever`);
  const text = () => tmux("capture-pane", "-p", "-J", "-S", "-");
  return {
    text,
    resize: async (columns) => void await tmux("resize-window", "-x", String(columns), "-y", "24"),
    async until(seen) {
      const end = Date.now() + LIMIT_MS;
      for (;;) {
        const now = await text();
        if (seen(now)) return now;
        if (Date.now() > end) throw new Error(`never shown; instead:\n${now}`);
      }
    },
    async [Symbol.asyncDispose]() {
      await tmux("kill-server");
      await folder[Symbol.asyncDispose]();
    },
  };
}
