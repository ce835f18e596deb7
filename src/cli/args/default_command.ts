/** `pullama --quiet llama3.2` is `pullama pull --quiet llama3.2`: the command is put in front. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { childOf } from "./command_path.ts";

/** What is done with words that are no command. */
export const DEFAULT_COMMAND = "pull";
const ABOUT_THE_PROGRAM: readonly string[] = ["-h", "--help", "-V", "--version"];

/**
 * The arguments with the command first, so that flags may stand before it. The first word that is neither
 * a flag nor the value of one is the command if it is one, else a model; after `--` all words are models.
 */
export function withDefaultCommand(argv: readonly string[], root: CommandUnknownOpts): string[] {
  const takesValue = flagsWithValue(root);
  const ordered = ordering(argv, root, takesValue);
  if (ordered !== undefined) return ordered;
  const words = firstWord(argv, takesValue) !== undefined || argv.includes("--");
  const about = argv.length === 0 || argv.some((arg) => ABOUT_THE_PROGRAM.includes(arg));
  return about && !words ? [...argv] : [DEFAULT_COMMAND, ...argv];
}

/** The names of the command and of those within it moved to the front; undefined if there are none. */
function ordering(
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
  return [word, ...(ordering(rest, command, takesValue) ?? rest)];
}

/** Where the first word is that is no flag and no value of one; undefined if `--` or the end comes first. */
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
