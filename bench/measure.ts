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

const TIME = "/usr/bin/time";

/** Runs a command under GNU time. Rejects with its output if it fails. */
export async function measure(command: readonly string[], home: string): Promise<Measured> {
  const report = await Deno.makeTempFile();
  try {
    const timed = [TIME, "-o", report, "-f", "%e %U %S %M", ...command];
    const started = performance.now();
    const { code, out, err } = await runToEnd(timed, { env: { HOME: home }, limit: 600_000 });
    const wall = (performance.now() - started) / 1000;
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
  const middle = (of: (run: Measured) => number) => {
    const sorted = runs.map(of).sort((a, b) => a - b);
    const half = sorted.length >> 1;
    return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
  };
  return {
    wall: middle(({ wall }) => wall),
    cpu: middle(({ cpu }) => cpu),
    rss: Math.max(...runs.map(({ rss }) => rss)),
  };
}
