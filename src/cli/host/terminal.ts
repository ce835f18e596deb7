/** Stdout and stderr as terminals. */

import { abilities, BEGIN_FRAME, type Terminal } from "../../ui/terminal/terminal.ts";

/** The size of a window if it is unknown. */
const DEFAULT = { columns: 80, rows: 24 };
const LINE_FEED = 10;
const NOTHING = new Uint8Array();
/** Bytes that every pipe accepts as a whole or not at all, and the least that Deno buffers. */
const PIECE = 512;
/**
 * Milliseconds between attempts to write pending output, and attempts for the last frame at exit.
 */
const PAUSE_MS = 5;
const LAST_TRIES = 20;

interface Stream {
  writeSync(bytes: Uint8Array): number;
  isTerminal(): boolean;
}

/**
 * `stream` as a terminal. If the stream is non-blocking and would block, the write is retried. Once
 * the stream fails, such as a pipe whose reader has gone away, output is discarded and the program
 * continues.
 *
 * `lineBuffered`: a write that would block has still buffered the bytes after the last line feed,
 * and an empty write flushes them; Deno does this for stdout. How many of the bytes before that
 * line feed were written is unknown, so a piece has a single line feed at its end or none. Only
 * frames are written in one piece, as long as nothing is pending: a frame that is written again
 * overwrites its own beginning.
 */
export function openTerminal(stream: Stream, lineBuffered = false): Terminal {
  const encoder = new TextEncoder();
  const isTerminal = stream.isTerminal();
  let rest: Uint8Array = NOTHING;
  let held = false;
  let whole = false;
  let gone = false;
  let failure: unknown;

  /** Writes what the stream accepts without blocking; returns whether that was everything. */
  function push(): boolean {
    while (!gone && (held || rest.length > 0)) {
      const piece = held ? NOTHING : whole ? rest : nextPiece(rest, isTerminal);
      try {
        rest = rest.subarray(stream.writeSync(piece));
        whole = false;
        held = false;
      } catch (error) {
        if (!isBusy(error)) {
          gone = true;
          // A terminal fails when its window is closed, which is like a closed pipe.
          if (!isTerminal && !(error instanceof Deno.errors.BrokenPipe)) failure = error;
          break;
        }
        if (lineBuffered && piece.length <= PIECE && !piece.includes(LINE_FEED)) {
          rest = rest.subarray(piece.length);
        }
        held = lineBuffered;
        whole = false;
        return false;
      }
    }
    return true;
  }

  function write(text: string): void {
    if (gone) return;
    whole = isTerminal && rest.length === 0 && text.startsWith(BEGIN_FRAME);
    rest = joined(rest, encoder.encode(text));
    while (!push()) pause();
  }

  function offer(text: string): boolean {
    if (!push()) return false;
    whole = isTerminal && text.startsWith(BEGIN_FRAME);
    rest = encoder.encode(text);
    push();
    return true;
  }

  addEventListener("unload", () => {
    for (let tries = 0; tries < LAST_TRIES && !push(); tries++) pause();
  });

  const can = abilities({
    isTerminal,
    noColor: Deno.noColor,
    os: Deno.build.os,
    env: (name) => Deno.env.get(name),
  });
  return {
    write,
    offer,
    columns: () => windowSize().columns || DEFAULT.columns,
    rows: () => windowSize().rows || DEFAULT.rows,
    get failure() {
      return failure;
    },
    ...can,
  };
}

/**
 * The part of `rest` to write next. A terminal may accept any part of it, so line feeds are written
 * alone.
 */
function nextPiece(rest: Uint8Array, isTerminal: boolean): Uint8Array {
  if (!isTerminal) return rest.subarray(0, rest.lastIndexOf(LINE_FEED, PIECE - 1) + 1 || PIECE);
  const end = rest.indexOf(LINE_FEED);
  return rest.subarray(0, Math.min(end < 0 ? PIECE : Math.max(1, end), PIECE));
}

function isBusy(error: unknown): boolean {
  return error instanceof Deno.errors.WouldBlock || error instanceof Deno.errors.Interrupted;
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** The current size; all streams that are terminals share one window. */
function windowSize(): { readonly columns: number; readonly rows: number } {
  try {
    return Deno.consoleSize();
  } catch {
    return DEFAULT;
  }
}
