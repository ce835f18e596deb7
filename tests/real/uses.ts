/** Harmless uses of every command, for tests of what the program may do as a process. */

import type { Ended } from "./child.ts";

/** What Deno says, or asks for, where a permission is missing. */
export const DENIED = /NotCapable|PermissionDenied|--allow-|access to|unexpected error|Allow\?/;

/** Arguments, and the exit code where it is certain. */
export type Use = readonly [argv: readonly string[], exitCode?: number];

/**
 * Uses of each command after another, with `models` as the models folder: `name` is pulled, and removed at the end.
 * The keys are commands as words.
 */
export function usesOf(name: string, models: string): ReadonlyMap<string, readonly Use[]> {
  const here = ["--models-dir", models];
  const there = ["--insecure", ...here];
  const shells = ["bash", "zsh", "fish", "powershell"];
  return new Map<string, readonly Use[]>([
    ["pull", [
      [["pull", name, ...there, "--dry-run"], 0],
      [["pull", name, ...there, "--verbose"], 0],
      [[name, ...there, "--output", "json"], 0],
    ]],
    ["list", [[["list", ...here], 0], [["ls", "--output", "json", ...here], 0]]],
    ["show", [[["show", name, ...here], 0]]],
    ["verify", [[["verify", ...here], 0], [["verify", "--full", "--repair", ...there], 0]]],
    ["outdated", [[["outdated", ...there], 0], [["outdated", "-q", name, ...there], 0]]],
    ["update", [[["update", "--all", ...there], 0], [["update", name, "--dry-run", ...there], 0]]],
    ["queue add", [[["queue", "add", name, "nosuch", ...here], 0]]],
    ["queue rm", [[["queue", "rm", "2", ...here], 0]]],
    ["queue start", [[["queue", "start", ...there], 0]]],
    ["queue list", [[["queue", "list", ...here], 0]]],
    ["status", [[["status", ...here], 0]]],
    ["limit", [[["limit", "9M", ...here], 0], [["limit", "off", ...here], 0]]],
    ["pause", [[["pause", ...here], 0]]],
    ["resume", [[["resume", ...here], 0]]],
    ["doctor", [[["doctor", name, ...there]], [["doctor", ...here]]]],
    ["completion", shells.map((shell) => [["completion", shell], 0])],
    ["help", [[["help"], 0], [["help", "queue", "add"], 0], [["pull", "--help"], 0], [
      ["help", "pull", "--man"],
      0,
    ]]],
    ["version", [[["version"], 0], [["--version"], 0]]],
    ["prune", [[["prune", "--dry-run", ...here], 0], [["prune", "--all", ...here], 0]]],
    ["clean", [[["clean", "--dry-run", ...here], 0], [["clean", "--queue", ...here], 0]]],
    ["cp", [[["cp", name, `${models}-copy`, ...here], 0], [["cp", "--all", models, ...here], 1]]],
    ["mv", [[["mv", "--all", `${models}-copy`, ...here], 0], [
      ["mv", name, models, "--models-dir", `${models}-copy`],
      0,
    ]]],
    ["export", [[["export", name, "-o", `${models}.tar`, ...here], 0]]],
    ["import", [[["import", `${models}.tar`, ...here], 0]]],
    // Documentation addresses belong to no machine: it ends there.
    ["serve", [[["serve", "--share", name, "--listen", "192.0.2.1:0", ...here], 1]]],
    // Nothing listens there.
    ["push", [[["push", name, "--to", "127.0.0.1:1", "--max-retries", "0", ...there], 1]]],
    ["rm", [[["rm", name, ...here], 0], [["rm", name, ...here], 4]]],
  ]);
}

/** All commands that the help lists, those of a group with its name before theirs. */
export async function commandsOf(
  help: (...words: readonly string[]) => Promise<Pick<Ended, "out">>,
): Promise<readonly string[]> {
  const listed = async (words: readonly string[]): Promise<readonly string[]> => {
    const { out } = await help(...words);
    const [, rows = ""] = /^Commands:\n((?: .*\n)+)/m.exec(out) ?? [];
    const names = [...rows.matchAll(/^ {2}([a-z]+)/gm)].map((hit) => hit[1]!);
    const below = await Promise.all(names.map((name) => listed([...words, name])));
    return names.flatMap((name, k) =>
      below[k]!.length > 0 ? below[k]! : [[...words, name].join(" ")]
    );
  };
  return await listed([]);
}
