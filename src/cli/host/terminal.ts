/** Stdout and stderr as terminals. */

import { abilities, BEGIN_FRAME, type Terminal } from "../../ui/terminal/terminal.ts";

/** For a window that does not say how large it is. */
const DEFAULT = { columns: 80, rows: 24 };
const LINE_FEED = 10;
const NOTHING = new Uint8Array();
/** Every pipe takes so many bytes whole or not at all, and so many the runtime holds back at the least. */
const PIECE = 512;
/** Between two tries to write what was not taken, and tries for the last frame at the end. Milliseconds. */
const PAUSE_MS = 5;
const LAST_TRIES = 20;

interface Stream {
  writeSync(bytes: Uint8Array): number;
  isTerminal(): boolean;
}

/**
 * `stream` as a terminal. A stream that is not to be waited for, and takes nothing for a moment, is asked
 * again until it does. Once it cannot be written any more, such as a pipe whose reader has gone, it is
 * silent: what is worked on goes on.
 *
 * `lineBuffered`: a write that fails for the moment has kept what stands behind the last line feed, and an
 * empty write passes that on. The runtime does so with stdout. How much of what stands before it was taken
 * is not known; therefore a piece has one line feed at its end or none. Only frames are written in one piece,
 * as long as they are taken at once: one that is written once more covers its own beginning.
 */
export function openTerminal(stream: Stream, lineBuffered = false): Terminal {
  const encoder = new TextEncoder();
  const isTerminal = stream.isTerminal();
  let rest: Uint8Array = NOTHING;
  let held = false;
  let whole = false;
  let gone = false;
  let failure: unknown;

  /** Writes what is taken at once, and says whether that was all. */
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
          // A terminal fails when its window is closed: as with a pipe, nobody reads any more.
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

/** What to write of `rest` at once. A terminal may take any part of that, so line feeds are by themselves. */
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

/** Follows the window; all streams that are terminals are the same one. */
function windowSize(): { readonly columns: number; readonly rows: number } {
  try {
    return Deno.consoleSize();
  } catch {
    return DEFAULT;
  }
}
