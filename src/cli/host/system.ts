/** The real machine as a Host. */

import type { Stop } from "../../core/stop.ts";
import type { Clock } from "../../ui/terminal/clock.ts";
import type { Host } from "./host.ts";
import { openTerminal } from "./terminal.ts";

export function systemHost(stop: Stop): Host {
  return {
    out: openTerminal(Deno.stdout, true),
    err: openTerminal(Deno.stderr),
    clock: systemClock,
    stop,
    os: Deno.build.os,
    env: (name) => Deno.env.get(name),
    cwd,
    folder,
  };
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
