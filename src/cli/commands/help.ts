/** `pullama help [command]`. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";

export function addHelp(root: CommandUnknownOpts): void {
  root.command("help")
    .description("help about the program or one of its commands")
    .argument("[command...]", "the command")
    .action(async (words) => {
      let command = root;
      for (const word of words) command = await child(command, word);
      command.help();
    });
}

async function child(group: CommandUnknownOpts, word: string): Promise<CommandUnknownOpts> {
  const found = group.commands.find((c) => c.name() === word || c.aliases().includes(word));
  if (found !== undefined) return found;
  const { nearest } = await import("../nearest.ts");
  const meant = nearest(word, group.commands.map((c) => c.name()));
  const suggestion = meant === undefined ? "" : `\n(Did you mean ${meant}?)`;
  group.error(`error: unknown command '${word}'${suggestion}`);
}
