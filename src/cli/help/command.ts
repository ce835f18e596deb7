/** `pullama help [command]`. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { childOf } from "../args/command_path.ts";

export function addHelp(root: CommandUnknownOpts): void {
  root.command("help")
    .description("print help for pullama or one of its commands")
    .argument("[command...]", "the command")
    .action((words) => showHelp(root, words));
}

/** `pullama queue help`, the same as `pullama help queue`. */
export function addHelpWithin(group: CommandUnknownOpts): void {
  group.command("help", { hidden: true })
    .argument("[command...]", "the command")
    .action((words) => showHelp(group, words));
}

async function showHelp(group: CommandUnknownOpts, words: readonly string[]): Promise<void> {
  let command = group;
  for (const word of words) command = childOf(command, word) ?? await unknown(command, word);
  command.help();
}

async function unknown(group: CommandUnknownOpts, word: string): Promise<never> {
  const { didYouMean } = await import("./did_you_mean.ts");
  const meant = didYouMean(word, group.commands.map((c) => c.name()));
  const suggestion = meant === undefined ? "" : `\n(Did you mean ${meant}?)`;
  group.error(`error: unknown command '${word}'${suggestion}`);
}
