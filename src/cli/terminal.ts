/** Stdout and stderr as terminals. */

import { abilities, type Terminal } from "../ui/terminal.ts";

const SHOW_CURSOR = "\x1b[?25h";
const HIDE_CURSOR = "\x1b[?25l";
/** For a window that does not say how large it is. */
const DEFAULT = { columns: 80, rows: 24 };

interface Stream {
  writeSync(bytes: Uint8Array): number;
  isTerminal(): boolean;
}

/**
 * `stream` as a terminal. Once it cannot be written any more, such as a pipe whose reader has gone, it is
 * silent: what is worked on goes on. A cursor that was hidden comes back when the process ends, however it
 * ends, short of a kill.
 */
export function openTerminal(stream: Stream): Terminal {
  const encoder = new TextEncoder();
  let gone = false;
  let hidden = false;

  function write(text: string): void {
    if (gone) return;
    const hide = text.lastIndexOf(HIDE_CURSOR);
    const show = text.lastIndexOf(SHOW_CURSOR);
    if (hide !== show) hidden = hide > show;
    try {
      let rest = encoder.encode(text);
      while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
    } catch (error) {
      // A terminal that takes nothing more for a moment misses a frame; the next one is whole again.
      gone = !(error instanceof Deno.errors.WouldBlock);
    }
  }

  for (const end of ["unload", "error", "unhandledrejection"]) {
    addEventListener(end, () => {
      if (hidden) write(SHOW_CURSOR);
    });
  }

  const can = abilities({
    isTerminal: stream.isTerminal(),
    noColor: Deno.noColor,
    os: Deno.build.os,
    env: (name) => Deno.env.get(name),
  });
  return {
    write,
    columns: () => windowSize().columns || DEFAULT.columns,
    rows: () => windowSize().rows || DEFAULT.rows,
    ...can,
  };
}

/** Follows the window; all streams that are terminals are the same one. */
function windowSize(): { readonly columns: number; readonly rows: number } {
  try {
    return Deno.consoleSize();
  } catch {
    return DEFAULT;
  }
}
