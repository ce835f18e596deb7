/** Turns `pullama --quiet llama3.2` into `pullama pull --quiet llama3.2`. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { childOf } from "./command_path.ts";

/** The command for arguments that do not name one. */
export const DEFAULT_COMMAND = "pull";
const INFO_FLAGS: readonly string[] = ["-h", "--help", "-V", "--version"];

/**
 * The arguments with the command first, so that flags may precede it. The first word that is
 * neither a flag nor its value is the command if it names one, otherwise a model; after `--` all
 * words are models.
 */
export function withDefaultCommand(argv: readonly string[], root: CommandUnknownOpts): string[] {
  const takesValue = flagsWithValue(root);
  const ordered = commandFirst(argv, root, takesValue);
  if (ordered !== undefined) return ordered;
  const hasWords = firstWord(argv, takesValue) !== undefined || argv.includes("--");
  const isInfo = argv.length === 0 || argv.some((arg) => INFO_FLAGS.includes(arg));
  return isInfo && !hasWords ? [...argv] : [DEFAULT_COMMAND, ...argv];
}

/**
 * Moves the names of the command and its subcommands to the front; undefined if there is no
 * command.
 */
function commandFirst(
  argv: readonly string[],
  group: CommandUnknownOpts,
  takesValue: ReadonlySet<string>,
): string[] | undefined {
  const at = firstWord(argv, takesValue);
  if (at === undefined) return undefined;
  const word = argv[at]!;
  const command = childOf(group, word);
  if (command === undefined) return undefined;
  const rest = argv.toSpliced(at, 1);
  return [word, ...(commandFirst(rest, command, takesValue) ?? rest)];
}

/**
 * The index of the first word that is neither a flag nor its value; undefined if there is none
 * before `--`.
 */
function firstWord(argv: readonly string[], takesValue: ReadonlySet<string>): number | undefined {
  for (let at = 0; at < argv.length; at++) {
    const arg = argv[at]!;
    if (arg === "--") return undefined;
    if (takesValue.has(arg)) at++;
    else if (!arg.startsWith("-") || arg === "-") return at;
  }
  return undefined;
}

function flagsWithValue(command: CommandUnknownOpts): Set<string> {
  const own = command.options.filter((option) => option.required)
    .flatMap((option) => [option.short, option.long])
    .filter((flag) => flag !== undefined);
  return new Set([...own, ...command.commands.flatMap((child) => [...flagsWithValue(child)])]);
}
