/** Commands by what one writes to run them. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";

/** Such as `queue start`; empty for the program itself. */
export function pathOf(command: CommandUnknownOpts): string {
  if (command.parent === null) return "";
  return `${pathOf(command.parent)} ${command.name()}`.trim();
}

/** The command that `group` has under that name, or another name for it. */
export function childOf(
  group: CommandUnknownOpts,
  word: string | undefined,
): CommandUnknownOpts | undefined {
  return group.commands.find((child) =>
    child.name() === word || child.aliases().some((alias) => alias === word)
  );
}
