/** Runs pullama as a process: the compiled program in PULLAMA_BIN, otherwise the source. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { type Ended, runToEnd } from "./child.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The command that runs pullama. */
export function pullamaCommand(): string[] {
  const binary = Deno.env.get("PULLAMA_BIN");
  return binary ? [binary] : fromSource();
}

/** The command that runs it from source. */
export function fromSource(): string[] {
  const main = join(ROOT, "src/main.ts");
  return [Deno.execPath(), "run", "--quiet", "-A", "--no-check", "--frozen", main];
}

/** The same with `permissions` and no others, by a configuration that is written into `folder`. */
export async function fromSourceWith(permissions: object, folder: string): Promise<string[]> {
  const file = join(folder, `${crypto.randomUUID()}.json`);
  const { imports } = config;
  await Deno.writeTextFile(
    file,
    JSON.stringify({ imports, permissions: { default: permissions } }),
  );
  const flags = ["--quiet", "--no-check", "--frozen", "--no-prompt", "--permission-set"];
  const files = ["--config", file, "--lock", join(ROOT, "deno.lock"), join(ROOT, "src/main.ts")];
  return [Deno.execPath(), "run", ...flags, ...files];
}

export interface PullamaOptions {
  /** Its HOME, to isolate it from the user's files. */
  readonly home: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A command that runs it, such as `setpriv …`. */
  readonly prefix?: readonly string[];
  /** Replaces the usual command. */
  readonly command?: readonly string[];
}

/** Runs pullama to its end. */
export async function pullama(
  args: readonly string[],
  { home, env = {}, prefix = [], command = pullamaCommand() }: PullamaOptions,
): Promise<Ended> {
  return await runToEnd([...prefix, ...command, ...args], {
    env: { HOME: home, ...cacheOfDeno(), ...env },
  });
}

/**
 * The environment for Deno's cache of packages in the user's home; empty for a compiled program.
 */
export function cacheOfDeno(): Record<string, string> {
  return Deno.env.get("PULLAMA_BIN") ? {} : sourceCache();
}

/** The same for a program that always runs from source. */
export function sourceCache(): Record<string, string> {
  const given = Deno.env.get("DENO_DIR");
  const cache = Deno.env.get("LOCALAPPDATA") ?? Deno.env.get("XDG_CACHE_HOME") ??
    `${Deno.env.get("HOME")}/.cache`;
  return { DENO_DIR: given ?? `${cache}/deno` };
}

/** A copy of the compiled program in `folder`, for users who cannot read its own directory. */
export async function programForAll(folder: string): Promise<string[]> {
  const copy = `${folder}/pullama`;
  await Deno.copyFile(Deno.env.get("PULLAMA_BIN")!, copy);
  await Deno.chmod(copy, 0o755);
  return [copy];
}
