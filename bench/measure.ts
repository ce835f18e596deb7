/** Measures a command: wall time, CPU time and peak memory, including its child processes. */

import { runToEnd } from "../tests/real/child.ts";

export interface Measured {
  /** Seconds. */
  readonly wall: number;
  /** User and system time of all processes, in seconds. */
  readonly cpu: number;
  /** Peak memory of the largest process, in MiB. */
  readonly rss: number;
}

/** A command that was ended because it took too long. */
export class OverLimit extends Error {
  override readonly name = "OverLimit";
}

const TIME = "/usr/bin/time";
/** Seconds from SIGTERM to SIGKILL. */
const GRACE = 5;
/** Exit codes of `timeout` for a command that it ended, with either signal. */
const ENDED = [124, 137];

/**
 * Runs a command under GNU time, for at most `limit` seconds. Rejects with its output if it fails,
 * with `OverLimit` if it takes longer.
 */
export async function measure(
  command: readonly string[],
  home: string,
  limit = 600,
): Promise<Measured> {
  const report = await Deno.makeTempFile();
  try {
    // `timeout` ends the command with all its children, which keep its output open.
    const bounded = ["timeout", "-k", String(GRACE), String(limit), ...command];
    const timed = [TIME, "-q", "-o", report, "-f", "%e %U %S %M", ...bounded];
    const started = performance.now();
    const { code, out, err } = await runToEnd(timed, {
      env: { HOME: home },
      limit: (limit + 2 * GRACE) * 1000,
    });
    const wall = (performance.now() - started) / 1000;
    if (ENDED.includes(code)) throw new OverLimit(`${command.join(" ")} took over ${limit} s`);
    if (code !== 0) throw new Error(`${command.join(" ")} exited with ${code}: ${err}${out}`);
    const [, user = 0, system = 0, kilobytes = 0] = (await Deno.readTextFile(report)).trim().split(
      " ",
    ).map(Number);
    return { wall, cpu: user + system, rss: kilobytes / 1024 };
  } finally {
    await Deno.remove(report);
  }
}

/** The median of each column; for memory the maximum. */
export function median(runs: readonly Measured[]): Measured {
  return {
    wall: middle(runs.map(({ wall }) => wall)),
    cpu: middle(runs.map(({ cpu }) => cpu)),
    rss: Math.max(...runs.map(({ rss }) => rss)),
  };
}

/** The median of at least one number. */
export function middle(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
