/** `pullama queue add`, `list`, `rm` and `start`. */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { modelsDirFlag, noColorFlag, outputFlag } from "../args/flags.ts";
import type { Host } from "../host/host.ts";
import { withPullFlags } from "../pull/flags.ts";
import type { OpenQueue } from "../../setup/queue.ts";
import { wholeNumber } from "../args/values.ts";
import { addHelpWithin } from "../help/command.ts";
import type { PullWire } from "../pull/command.ts";

/** What these commands need to be wired to. */
export interface QueueWire extends PullWire {
  readonly openQueue: OpenQueue;
}

type Add = (
  group: CommandUnknownOpts,
  host: Host,
  wire: QueueWire,
  ended: (exitCode: number) => void,
) => void;

const MOST_ENTRIES = 1_000_000;

const MORE = `
Entries stay in the list, with how they ended, until they are removed or added
again. What is added while the queue runs is pulled in the same run; a model
that cannot be pulled is marked and passed over.

Examples:
  pullama queue add llama3.2 mistral:7b hf.co/user/model:Q4_K_M
  pullama queue list
  pullama queue rm 2 3
  pullama queue start --limit-rate 5M --retry-for forever`;

const MORE_ON_ADD = `
A model that failed or was pulled already goes to the end and waits again. One
that waits stays where it is, and is asked over http or https as it was written
last. Where one of the names is none, nothing is added.

Examples:
  pullama queue add llama3.2 mistral:7b phi3:mini
  pullama queue add http://192.168.1.5:5000/team/model:7b    over plain http`;

const MORE_ON_RM = `
Examples:
  pullama queue rm 2                 the second of the list
  pullama queue rm 1 4 5             all of these, or none if one is active`;

const MORE_ON_START = `
Ctrl+C ends it after the model at hand; once more, and that pull stops too and
can be resumed; the third time it ends at once. What is left stays in the queue.

Examples:
  pullama queue start                until nothing waits
  pullama queue start --dry-run      what would be fetched, and whether it fits
  pullama queue start --limit-rate 5M --retry-for forever`;

export function addQueue(
  root: CommandUnknownOpts,
  host: Host,
  wire: QueueWire,
  ended: (exitCode: number) => void,
): void {
  const group = root.command("queue")
    .description("pull many models later, one after another")
    .usage("<add|list|rm|start> [flags]")
    .helpCommand(false)
    .addHelpText("after", MORE);
  const adds: readonly Add[] = [addAdd, addList, addRm, addStart];
  for (const add of adds) add(group, host, wire, ended);
  addHelpWithin(group);
}

function addAdd(group: CommandUnknownOpts, host: Host, wire: QueueWire): void {
  group.command("add")
    .description("append models; one that waits already is skipped")
    .argument("<model...>", "[host/][namespace/]model[:tag]")
    .addHelpText("after", MORE_ON_ADD)
    .addOption(modelsDirFlag())
    .addOption(outputFlag())
    .addOption(new Option("-q, --quiet", "say nothing that went well").helpGroup("Output:"))
    .addOption(new Option("-v, --verbose", "also where errors arose").helpGroup("Output:"))
    .addOption(noColorFlag())
    .action(async (models, flags) => {
      const { addToQueue } = await import("./add_rm.ts");
      await addToQueue(models, flags, host, wire.openQueue);
    });
}

function addList(group: CommandUnknownOpts, host: Host, wire: QueueWire): void {
  group.command("list").alias("ls")
    .description("what waits, and what became of the rest")
    .addOption(modelsDirFlag())
    .addOption(outputFlag())
    .addOption(new Option("-q, --quiet", "names alone").helpGroup("Output:"))
    .addOption(
      new Option("-v, --verbose", "names in full; where errors arose").helpGroup("Output:"),
    )
    .addOption(noColorFlag())
    .action(async (flags) => {
      const { listQueue } = await import("./list.ts");
      await listQueue(flags, host, wire.openQueue);
    });
}

function addRm(group: CommandUnknownOpts, host: Host, wire: QueueWire): void {
  group.command("rm")
    .description("remove entries that are not being pulled")
    .addHelpText("after", MORE_ON_RM)
    .argument(
      "<position...>",
      "as in the list",
      (text, before: readonly number[] = []) => [...before, wholeNumber(1, MOST_ENTRIES)(text)],
    )
    .addOption(modelsDirFlag())
    .addOption(outputFlag())
    .addOption(new Option("-q, --quiet", "say nothing that went well").helpGroup("Output:"))
    .addOption(new Option("-v, --verbose", "also where errors arose").helpGroup("Output:"))
    .addOption(noColorFlag())
    .action(async (positions, flags) => {
      const { removeFromQueue } = await import("./add_rm.ts");
      await removeFromQueue(positions, flags, host, wire.openQueue);
    });
}

const addStart: Add = (group, host, wire, ended) => {
  withPullFlags(group.command("start"))
    .description("pull all that waits, also what is added meanwhile")
    .addHelpText("after", MORE_ON_START)
    .action(async (flags) => {
      const [
        { displayOptions, modelsDirWarnings, pullOptions },
        { startQueue },
        { waitMessages: waitOn },
        { repeatFolderFlags: sameFolder, repeatPullFlags: samePull },
      ] = await Promise.all([
        import("../args/options.ts"),
        import("./start.ts"),
        import("./wait.ts"),
        import("../args/repeat_flags.ts"),
      ]);
      const options = pullOptions(flags, host);
      ended(
        await startQueue({
          queue: await wire.openQueue(options.modelsDir),
          options,
          display: displayOptions(flags),
          warnings: modelsDirWarnings(flags.modelsDir, host),
          sameFolder: sameFolder(flags, host),
          samePull: samePull(flags, host),
          commands: [],
          host,
          openEngine: wire.openEngine,
          openModels: wire.openModels,
          wait: waitOn(host, flags.color),
        }),
      );
    });
};
