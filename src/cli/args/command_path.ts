/** Commands by the words that select them on the command line. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";

/** Such as `queue start`; empty for the program itself. */
export function pathOf(command: CommandUnknownOpts): string {
  if (command.parent === null) return "";
  return `${pathOf(command.parent)} ${command.name()}`.trim();
}

/** The command of `group` with that name or alias. */
export function childOf(
  group: CommandUnknownOpts,
  word: string | undefined,
): CommandUnknownOpts | undefined {
  return group.commands.find((child) =>
    child.name() === word || child.aliases().some((alias) => alias === word)
  );
}
