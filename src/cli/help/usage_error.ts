/** Messages for invalid command lines. */

import { type CommanderError, type CommandUnknownOpts, Help } from "@commander-js/extra-typings";
import { withDefaultCommand } from "../args/default_command.ts";
import { childOf, pathOf } from "../args/command_path.ts";
import { didYouMean } from "./did_you_mean.ts";

/** Up to this many commands are named. */
const MOST_NAMED = 6;

/** The error in `argv`, and a hint at the help to read. `root` has all commands. */
export function usageError(
  { code, message }: Pick<CommanderError, "code" | "message">,
  argv: readonly string[],
  root: CommandUnknownOpts,
): string {
  const line = withDefaultCommand(argv, root);
  const command = commandIn(line, root);
  const flag = code === "commander.unknownOption" ? /'(.*)'/s.exec(message)?.[1] : undefined;
  const what = flag === undefined ? message : unknownFlag(flag, command, root);
  // The default command was inserted, so the user named none.
  const inserted = line.length > argv.length;
  const path = inserted ? "" : pathOf(command);
  const help = ["pullama help", ...(path === "" || path === "help" ? [] : [path])].join(" ");
  return `${what}\nhint: see "${help}"\n`;
}

/** The command that `line` begins with. */
function commandIn(line: readonly string[], group: CommandUnknownOpts): CommandUnknownOpts {
  const child = childOf(group, line[0]);
  return child === undefined ? group : commandIn(line.slice(1), child);
}

function unknownFlag(word: string, command: CommandUnknownOpts, root: CommandUnknownOpts): string {
  const [flag = word] = word.split("=", 1);
  const own = flagsOf(command);
  if (own.includes(flag)) return `error: ${flag} takes no value`;
  const below = holdersOf(flag, command);
  const others = below.length > 0 ? below : holdersOf(flag, root);
  const known = [...own, ...flagsOf(root)].filter((one) => one.startsWith("--"));
  const near = flag.startsWith("--") ? didYouMean(bare(flag), known.map(bare)) : undefined;
  const help = others.length > 0
    ? `\n('${pathOf(command) || "pullama"}' has no ${flag}; ${haveIt(others)})`
    : near !== undefined
    ? `\n(Did you mean --${near}?)`
    : "";
  return `error: unknown option '${word}'${help}`;
}

function bare(flag: string): string {
  return flag.slice(2);
}

/** The long and short flags of a command. */
function flagsOf(command: CommandUnknownOpts): string[] {
  return new Help().visibleOptions(command)
    .flatMap(({ long, short }) => [long, short])
    .filter((flag) => flag !== undefined);
}

/** The commands in `group` that have the flag. */
function holdersOf(flag: string, group: CommandUnknownOpts): string[] {
  return new Help().visibleCommands(group).flatMap((child) => [
    ...(flagsOf(child).includes(flag) ? [pathOf(child)] : []),
    ...holdersOf(flag, child),
  ]);
}

function haveIt(commands: readonly string[]): string {
  if (commands.length > MOST_NAMED) return "most other commands have it";
  const last = commands.at(-1);
  const before = commands.slice(0, -1);
  return before.length === 0 ? `${last} has it` : `${before.join(", ")} and ${last} have it`;
}
