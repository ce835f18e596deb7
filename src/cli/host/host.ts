/** What commands need from the machine; tests provide a fake. */

import type { Stop } from "../../core/stop.ts";
import type { Clock } from "../../ui/terminal/clock.ts";
import { plain, type Terminal } from "../../ui/terminal/terminal.ts";

export interface Host {
  /** Results and progress. */
  readonly out: Terminal;
  /** Errors, warnings and hints. */
  readonly err: Terminal;
  readonly clock: Clock;
  readonly stop: Stop;
  /** As in `Deno.build.os`. */
  readonly os: string;
  /** An environment variable. Throws `usage` if its value is not UTF-8. */
  env(name: string): string | undefined;
  /** Stdin; it can be read once. */
  input(): ReadableStream<Uint8Array>;
  /** Writes bytes to stdout. Undefined: it is a terminal. */
  readonly binaryOut: ((bytes: Uint8Array) => Promise<void>) | undefined;
  /** The working directory; undefined if it no longer exists. */
  cwd(): string | undefined;
  /** The state of the folder `path`; `closed` if it cannot be read. */
  folder(path: string): "missing" | "empty" | "filled" | "closed";
}

/** Stdout and stderr, without escape sequences and Unicode if `color` is false. */
export function outputs(
  { out, err }: Pick<Host, "out" | "err">,
  color: boolean,
): { readonly out: Terminal; readonly err: Terminal } {
  return color ? { out, err } : { out: plain(out), err: plain(err) };
}
