/** What renderers write to, and what may be written there. */

/** Begins a frame: until END_FRAME the terminal shows nothing halfway. */
export const BEGIN_FRAME = "\x1b[?2026h";
export const END_FRAME = "\x1b[?2026l";

export interface Terminal {
  /** Writes `text` at once, in one piece where the system allows it, and waits until it is taken. Never fails. */
  write(text: string): void;
  /**
   * The same for what is soon written over: without waiting. False if nothing of it is written, because what
   * was written before is not taken yet; true if it is taken, or will be before anything else.
   */
  offer(text: string): boolean;
  /** Width of the window in cells, asked anew on every call. */
  columns(): number;
  /** Its height in rows. */
  rows(): number;
  /** A person looks at it, and a line can be written over. */
  readonly interactive: boolean;
  /** More than ASCII can be shown. */
  readonly unicode: boolean;
  /** Escape sequences are understood and wanted. */
  readonly color: boolean;
  /** What is written is kept as a log that somebody will scroll through, such as that of a CI job. */
  readonly brief: boolean;
  /** What kept text from being written; undefined for nothing, or if only nobody reads it any more. */
  readonly failure?: unknown;
}

/** What a decision about a stream rests on. */
export interface TerminalContext {
  readonly isTerminal: boolean;
  /** NO_COLOR is set to something. */
  readonly noColor: boolean;
  /** As `Deno.build.os` says it. */
  readonly os: string;
  env(name: string): string | undefined;
}

/**
 * What can be shown on a stream. Only a terminal that is not `TERM=dumb` gets more than plain lines, but
 * colours come wherever FORCE_COLOR asks for them. NO_COLOR goes before FORCE_COLOR.
 */
export function abilities(
  around: TerminalContext,
): Pick<Terminal, "interactive" | "unicode" | "color" | "brief"> {
  const term = around.env("TERM") ?? "";
  const dumb = term === "dumb" || (term === "" && around.os !== "windows");
  const interactive = around.isTerminal && !dumb;
  const forced = forcedColor(around.env("FORCE_COLOR"));
  const color = !around.noColor && (forced ?? interactive);
  return {
    interactive,
    color,
    unicode: interactive && color && speaksUnicode(around, term),
    brief: !interactive && isSet(around.env("CI")),
  };
}

/** The same stream without escape sequences and box drawing: `--no-color`. */
export function plain(terminal: Terminal): Terminal {
  return {
    write: (text) => terminal.write(text),
    offer: (text) => terminal.offer(text),
    columns: () => terminal.columns(),
    rows: () => terminal.rows(),
    interactive: terminal.interactive,
    unicode: false,
    color: false,
    brief: terminal.brief,
  };
}

/** Undefined where nobody has asked. */
function forcedColor(value: string | undefined): boolean | undefined {
  return value === undefined ? undefined : value !== "0" && value !== "false";
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0" && value !== "false";
}

/** The console of Linux has not the glyphs, and the old one of Windows not all of them. */
function speaksUnicode(around: TerminalContext, term: string): boolean {
  if (term === "linux") return false;
  if (around.os !== "windows") return speaksUtf8(around);
  const modern = ["WT_SESSION", "TERM_PROGRAM", "ConEmuANSI", "TERMINAL_EMULATOR"]
    .some((name) => isSet(around.env(name)));
  return modern || (term !== "" && speaksUtf8(around));
}

/** The first of the three variables that is set decides, as in POSIX; the systems without them use UTF-8. */
function speaksUtf8(around: TerminalContext): boolean {
  const locale = around.env("LC_ALL") || around.env("LC_CTYPE") || around.env("LANG");
  if (!locale) return around.os === "windows" || around.os === "darwin";
  return /utf-?8/i.test(locale);
}
