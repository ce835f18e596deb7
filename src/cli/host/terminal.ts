/** Stdout and stderr as terminals. */

import { abilities, BEGIN_FRAME, type Terminal } from "../../ui/terminal/terminal.ts";
import { type Sequence, type Stream, Writer } from "./writer.ts";

/** The size of a window if it is unknown. */
const DEFAULT = { columns: 80, rows: 24 };
/** Pending bytes above which progress is dropped: as much as a pipe holds. */
const MOST_PENDING = 64 * 1024;

export interface Output extends Terminal {
  /** Resolves when all text is written, or discarded because the stream has failed. */
  written(): Promise<void>;
  /** Discards text from now on. */
  close(): void;
}

export interface OutputOptions {
  /** Shared with other streams whose text has to keep its order. */
  readonly sequence?: Sequence;
  /** As Deno's stdout is. */
  readonly lineBuffered?: boolean;
}

/** `stream` as a terminal, written in the background. */
export function openTerminal(stream: Stream, options: OutputOptions = {}): Output {
  const { sequence = { newest: undefined }, lineBuffered = false } = options;
  const isTerminal = stream.isTerminal();
  const writer = new Writer(stream, sequence, lineBuffered);

  function write(text: string): void {
    writer.add(text, isTerminal && text.startsWith(BEGIN_FRAME));
  }

  const can = abilities({
    isTerminal,
    noColor: Deno.noColor,
    os: Deno.build.os,
    env: (name) => Deno.env.get(name),
  });
  return {
    write,
    offer(text) {
      if (writer.pending > 0) return false;
      write(text);
      return true;
    },
    progress(text) {
      if (writer.pending <= MOST_PENDING) write(text);
    },
    written: () => writer.written(),
    close: () => writer.close(),
    columns: () => windowSize().columns || DEFAULT.columns,
    rows: () => windowSize().rows || DEFAULT.rows,
    get failure() {
      return writer.failure;
    },
    ...can,
  };
}

/** The current size; all streams that are terminals share one window. */
function windowSize(): { readonly columns: number; readonly rows: number } {
  try {
    return Deno.consoleSize();
  } catch {
    return DEFAULT;
  }
}
