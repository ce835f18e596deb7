/** What renderers write to, and what may be written there. */

export interface Terminal {
  /** Writes `text` at once, in one piece where the system allows it. Never fails. */
  write(text: string): void;
  /** Width of the window in cells, asked anew on every call. */
  columns(): number;
  /** A person looks at it, and a line can be written over. */
  readonly interactive: boolean;
  /** More than ASCII can be shown. */
  readonly unicode: boolean;
  /** Escape sequences are understood and wanted. */
  readonly color: boolean;
}

/** What a decision about a stream rests on. */
export interface Surroundings {
  readonly isTerminal: boolean;
  /** NO_COLOR is set to something. */
  readonly noColor: boolean;
  /** As `Deno.build.os` says it. */
  readonly os: string;
  env(name: string): string | undefined;
}

/** What can be shown on a stream. Only a terminal that is not `TERM=dumb` gets more than plain lines. */
export function abilities(
  around: Surroundings,
): Pick<Terminal, "interactive" | "unicode" | "color"> {
  const term = around.env("TERM") ?? "";
  const dumb = term === "dumb" || (term === "" && around.os !== "windows");
  const interactive = around.isTerminal && !dumb;
  const color = interactive && !around.noColor;
  return { interactive, color, unicode: color && term !== "linux" && speaksUtf8(around) };
}

/** The same stream without escape sequences and box drawing: `--no-color`. */
export function plain(terminal: Terminal): Terminal {
  return {
    write: (text) => terminal.write(text),
    columns: () => terminal.columns(),
    interactive: terminal.interactive,
    unicode: false,
    color: false,
  };
}

/** The first of the three variables that is set decides, as in POSIX; the systems without them use UTF-8. */
function speaksUtf8(around: Surroundings): boolean {
  const locale = around.env("LC_ALL") || around.env("LC_CTYPE") || around.env("LANG");
  if (!locale) return around.os === "windows" || around.os === "darwin";
  return /utf-?8/i.test(locale);
}
