/** `pullama help [command]`. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { VERSION } from "../../setup/version.ts";
import { childOf } from "../args/command_path.ts";
import type { Host } from "../host/host.ts";

const MORE = `
Examples:
  pullama help queue start
  pullama help pull --man | man -l -    the same as a manual page`;

export function addHelp(root: CommandUnknownOpts, host: Host): void {
  root.command("help")
    .description("print help for pullama or one of its commands")
    .argument("[command...]", "the command")
    .option("--man", "print its manual page instead, in roff")
    .addHelpText("after", MORE)
    .action((words, flags) => showHelp(root, words, flags.man ?? false, host));
}

/** `pullama queue help`, the same as `pullama help queue`. */
export function addHelpWithin(group: CommandUnknownOpts, host: Host): void {
  group.command("help", { hidden: true })
    .argument("[command...]", "the command")
    .option("--man", "print its manual page instead, in roff")
    .action((words, flags) => showHelp(group, words, flags.man ?? false, host));
}

async function showHelp(
  group: CommandUnknownOpts,
  words: readonly string[],
  asPage: boolean,
  host: Host,
): Promise<void> {
  let command = group;
  for (const word of words) command = childOf(command, word) ?? await unknown(command, word);
  if (!asPage) command.help();
  const { manPage } = await import("./man.ts");
  host.out.write(manPage(command, { version: VERSION, date: host.clock.date() }));
}

async function unknown(group: CommandUnknownOpts, word: string): Promise<never> {
  const { didYouMean } = await import("./did_you_mean.ts");
  const meant = didYouMean(word, group.commands.map((c) => c.name()));
  const suggestion = meant === undefined ? "" : `\n(Did you mean ${meant}?)`;
  group.error(`error: unknown command '${word}'${suggestion}`);
}
