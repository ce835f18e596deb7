/** Pulls with the Ollama in OLLAMA_BIN: its server downloads, its client waits for it. */

import { startOllama } from "../tests/real/servers.ts";
import { measure, type Measured } from "./measure.ts";

/** The unit of CPU times in /proc, per second: the same in every kernel of a usual platform. */
const TICKS = 100;

export interface OllamaOptions {
  /** A command that runs a client; empty if it runs like any program. */
  readonly near: readonly string[];
  readonly home: string;
  /** Seconds after which the pull is ended, with `OverLimit`. */
  readonly limit: number;
  /** Called when Ollama's server is ready. */
  readonly onReady?: () => void;
}

/**
 * Pulls the model `name` into the empty folder `models`. The time is that of `ollama pull`; CPU and
 * memory include the server.
 */
export async function pullWithOllama(
  name: string,
  models: string,
  { near, home, limit, onReady }: OllamaOptions,
): Promise<Measured> {
  const withId = ["bash", "-c", 'echo "pid=$$" >&2; exec "$@"', "bash", ...near];
  await using server = await startOllama(models, home, withId);
  const [, id = ""] = /^pid=(\d+)$/m.exec(server.log()) ?? [];
  onReady?.();
  const before = await cpuOf(id);
  const client = ["env", `OLLAMA_HOST=${server.host}`, Deno.env.get("OLLAMA_BIN") ?? "ollama"];
  const pull = await measure([...near, ...client, "pull", "--insecure", name], home, limit);
  return {
    wall: pull.wall,
    cpu: pull.cpu + await cpuOf(id) - before,
    rss: Math.max(pull.rss, await peakOf(id)),
  };
}

/** CPU seconds of a process so far. */
async function cpuOf(id: string): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${id}/stat`);
  // The name in parentheses may have spaces. User and system time are the 14th and 15th field.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Peak memory of a process in MiB. */
async function peakOf(id: string): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${id}/status`);
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}
