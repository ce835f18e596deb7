/** The output stream that renderers write to, and its capabilities. */

/** Begins a synchronized update: the terminal shows nothing of it before END_FRAME. */
export const BEGIN_FRAME = "\x1b[?2026h";
export const END_FRAME = "\x1b[?2026l";

export interface Terminal {
  /** Writes `text` after everything before, without waiting until it is accepted. Never fails. */
  write(text: string): void;
  /**
   * Writes text that will soon be overwritten. False if it was dropped because earlier output is
   * still pending.
   */
  offer(text: string): boolean;
  /** Writes a line of progress, which is dropped if the reader has fallen far behind. */
  progress(text: string): void;
  /** Current width of the window in cells. */
  columns(): number;
  /** Current height of the window in rows. */
  rows(): number;
  /** It is a terminal whose lines can be overwritten. */
  readonly interactive: boolean;
  /** Characters beyond ASCII can be shown. */
  readonly unicode: boolean;
  /** Escape sequences are supported and not disabled. */
  readonly color: boolean;
  /** The output is a log that should be short, such as that of a CI job. */
  readonly brief: boolean;
  /** Why output was lost; undefined if none was, or if only the reader has gone away. */
  readonly failure?: unknown;
}

/** The facts that the capabilities of a stream depend on. */
export interface TerminalContext {
  readonly isTerminal: boolean;
  /** NO_COLOR is set and not empty. */
  readonly noColor: boolean;
  /** As in `Deno.build.os`. */
  readonly os: string;
  env(name: string): string | undefined;
}

/**
 * The capabilities of a stream. Only a terminal other than `TERM=dumb` gets more than plain lines,
 * except for colors, which FORCE_COLOR enables anywhere. NO_COLOR takes precedence over
 * FORCE_COLOR.
 */
export function abilities(
  context: TerminalContext,
): Pick<Terminal, "interactive" | "unicode" | "color" | "brief"> {
  const term = context.env("TERM") ?? "";
  const dumb = term === "dumb" || (term === "" && context.os !== "windows");
  const interactive = context.isTerminal && !dumb;
  const forced = forcedColor(context.env("FORCE_COLOR"));
  const color = !context.noColor && (forced ?? interactive);
  return {
    interactive,
    color,
    unicode: interactive && color && supportsUnicode(context, term),
    brief: !interactive && isSet(context.env("CI")),
  };
}

/** The same stream without escape sequences and box drawing: `--no-color`. */
export function plain(terminal: Terminal): Terminal {
  return {
    write: (text) => terminal.write(text),
    offer: (text) => terminal.offer(text),
    progress: (text) => terminal.progress(text),
    columns: () => terminal.columns(),
    rows: () => terminal.rows(),
    interactive: terminal.interactive,
    unicode: false,
    color: false,
    brief: terminal.brief,
  };
}

/** Undefined if FORCE_COLOR is not set. */
function forcedColor(value: string | undefined): boolean | undefined {
  return value === undefined ? undefined : value !== "0" && value !== "false";
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0" && value !== "false";
}

/** The Linux console lacks the glyphs, and the legacy Windows console some of them. */
function supportsUnicode(context: TerminalContext, term: string): boolean {
  if (term === "linux") return false;
  if (context.os !== "windows") return usesUtf8(context);
  const modern = ["WT_SESSION", "TERM_PROGRAM", "ConEmuANSI", "TERMINAL_EMULATOR"]
    .some((name) => isSet(context.env(name)));
  return modern || (term !== "" && usesUtf8(context));
}

/**
 * The first of the three variables that is set decides, as in POSIX; Windows and macOS default to
 * UTF-8.
 */
function usesUtf8(context: TerminalContext): boolean {
  const locale = context.env("LC_ALL") || context.env("LC_CTYPE") || context.env("LANG");
  if (!locale) return context.os === "windows" || context.os === "darwin";
  return /utf-?8/i.test(locale);
}
