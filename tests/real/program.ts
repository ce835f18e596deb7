/** pullama as people run it: the compiled program of PULLAMA_BIN, else the source. */

import { fileURLToPath } from "node:url";
import { type Ended, runToEnd } from "./child.ts";

/** The command that runs pullama: program or source. */
export function pullamaCommand(): string[] {
  const binary = Deno.env.get("PULLAMA_BIN");
  if (binary) return [binary];
  const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
  return [Deno.execPath(), "run", "--quiet", "-A", "--no-check", "--frozen", main];
}

export interface PullamaOptions {
  /** Its HOME, so that it sees nothing of the user's. */
  readonly home: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What runs it: `setpriv …`, say. */
  readonly prefix?: readonly string[];
  /** What is run instead of the usual command. */
  readonly command?: readonly string[];
}

/** Runs pullama with `args` to its end. */
export async function pullama(
  args: readonly string[],
  { home, env = {}, prefix = [], command = pullamaCommand() }: PullamaOptions,
): Promise<Ended> {
  return await runToEnd([...prefix, ...command, ...args], {
    env: { HOME: home, ...cacheOfDeno(), ...env },
  });
}

/** The packages that the source needs are in the user's cache, wherever HOME is. */
export function cacheOfDeno(): Record<string, string> {
  return Deno.env.get("PULLAMA_BIN") ? {} : sourceCache();
}

/** The same for a program that is run from its source in any case. */
export function sourceCache(): Record<string, string> {
  const given = Deno.env.get("DENO_DIR");
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME")}/.cache`;
  return { DENO_DIR: given ?? `${cache}/deno` };
}

/** A copy in `folder` of the compiled program, for other users: they may not read the folder that it lies in. */
export async function programForAll(folder: string): Promise<string[]> {
  const copy = `${folder}/pullama`;
  await Deno.copyFile(Deno.env.get("PULLAMA_BIN")!, copy);
  await Deno.chmod(copy, 0o755);
  return [copy];
}
