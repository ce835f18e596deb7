/** The real machine as a Host. */

import type { Stop } from "../../core/stop.ts";
import { fileError } from "../../io/file_error.ts";
import { variable } from "../../setup/environment.ts";
import type { Clock } from "../../ui/terminal/clock.ts";
import type { Host } from "./host.ts";
import { openTerminal, type Output } from "./terminal.ts";

/** What describes the terminal; libraries read these variables as well. */
const TERMINAL_VARIABLES = ["NO_COLOR", "FORCE_COLOR", "CI", "TERM", "LC_ALL", "LC_CTYPE", "LANG"];

export interface SystemHost extends Host {
  readonly out: Output;
  readonly err: Output;
}

export function systemHost(stop: Stop): SystemHost {
  removeInvalidVariables();
  const sequence = { newest: undefined };
  return {
    out: openTerminal(Deno.stdout, { sequence, lineBuffered: true }),
    err: openTerminal(Deno.stderr, { sequence }),
    clock: systemClock,
    stop,
    input: () => Deno.stdin.readable,
    binaryOut: Deno.stdout.isTerminal() ? undefined : writeOut,
    os: Deno.build.os,
    env: variable,
    cwd,
    folder,
  };
}

/** A value that is not UTF-8 describes no terminal, and cannot be read. */
function removeInvalidVariables(): void {
  for (const name of TERMINAL_VARIABLES) {
    try {
      Deno.env.get(name);
    } catch {
      Deno.env.delete(name);
    }
  }
}

async function writeOut(bytes: Uint8Array): Promise<void> {
  try {
    for (let done = 0; done < bytes.length;) done += await Deno.stdout.write(bytes.subarray(done));
  } catch (error) {
    throw fileError(error, "write", "standard output");
  }
}

const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  every(ms, tick) {
    const timer = setInterval(tick, ms);
    return () => clearInterval(timer);
  },
};

function cwd(): string | undefined {
  try {
    return Deno.cwd();
  } catch {
    return undefined;
  }
}

function folder(path: string): ReturnType<Host["folder"]> {
  try {
    return Deno.readDirSync(path)[Symbol.iterator]().next().done ? "empty" : "filled";
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? "missing" : "closed";
  }
}
