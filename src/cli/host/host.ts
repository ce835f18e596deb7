/** What commands need from the machine. Tests bring their own. */

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
  /** As `Deno.build.os` says it. */
  readonly os: string;
  env(name: string): string | undefined;
  /** Where the user stands; undefined where that is gone. */
  cwd(): string | undefined;
  /** What stands at `path`; `closed` where that may not be known. */
  folder(path: string): "missing" | "empty" | "filled" | "closed";
}

/** Stdout and stderr as the user wants to see them. */
export function outputs(
  { out, err }: Pick<Host, "out" | "err">,
  color: boolean,
): { readonly out: Terminal; readonly err: Terminal } {
  return color ? { out, err } : { out: plain(out), err: plain(err) };
}
