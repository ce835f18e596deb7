/** `pullama queue add`, `list`, `rm` and `start`. */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { fromFileFlag, modelsDirFlag, noColorFlag, outputFlag } from "../args/flags.ts";
import type { Host } from "../host/host.ts";
import { withPullFlags } from "../pull/flags.ts";
import type { OpenQueue } from "../../setup/queue.ts";
import { wholeNumber } from "../args/values.ts";
import { addHelpWithin } from "../help/command.ts";
import type { PullWire } from "../pull/command.ts";

/** The dependencies of these commands. */
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
Entries stay in the list with their result until they are removed or added
again. Models added while the queue runs are pulled in the same run. A model
that cannot be pulled is marked as failed, and the run continues.

Examples:
  pullama queue add llama3.2 mistral:7b hf.co/user/model:Q4_K_M
  pullama queue list
  pullama queue rm 2 3
  pullama queue start --limit-rate 5M --retry-for forever`;

const MORE_ON_ADD = `
A model that failed or was already pulled is queued again, at the end. One that
is still queued keeps its position; if it is added with another scheme, http or
https, or another digest, that one is used. If one of the names is invalid,
nothing is added.

Examples:
  pullama queue add llama3.2 mistral:7b phi3:mini
  pullama queue add http://192.168.1.5:5000/team/model:7b    over plain http
  pullama queue add --from-file models.lock`;

const MORE_ON_RM = `
Examples:
  pullama queue rm 2                 remove the second entry
  pullama queue rm 1 4 5             remove all three, or none if one is active
  pullama queue rm --done            remove all completed entries`;

const MORE_ON_START = `
With --watch the run waits for further entries when all are done, for a service.
Ctrl+C ends the run after the current model; a second Ctrl+C stops that pull,
which can be resumed; a third one exits immediately. The rest stays queued.

Examples:
  pullama queue start                pull everything that is queued
  pullama queue start --dry-run      download sizes, and whether they fit
  pullama queue start --watch --limit-rate 5M --retry-for forever`;

export function addQueue(
  root: CommandUnknownOpts,
  host: Host,
  wire: QueueWire,
  ended: (exitCode: number) => void,
): void {
  const group = root.command("queue")
    .description("queue models, and pull them later one after another")
    .usage("<add|list|rm|start> [flags]")
    .helpCommand(false)
    .addHelpText("after", MORE);
  const adds: readonly Add[] = [addAdd, addList, addRm, addStart];
  for (const add of adds) add(group, host, wire, ended);
  addHelpWithin(group, host);
}

function addAdd(group: CommandUnknownOpts, host: Host, wire: QueueWire): void {
  group.command("add")
    .description("append models; those already queued are skipped")
    .argument("[model...]", "[host/][namespace/]model[:tag][@digest]")
    .addHelpText("after", MORE_ON_ADD)
    .addOption(fromFileFlag())
    .addOption(modelsDirFlag())
    .addOption(outputFlag())
    .addOption(new Option("-q, --quiet", "print only errors").helpGroup("Output:"))
    .addOption(new Option("-v, --verbose", "also print stack traces").helpGroup("Output:"))
    .addOption(noColorFlag())
    .action(async (args, flags) => {
      const [{ modelsOf }, { addToQueue }] = await Promise.all([
        import("../args/from_file.ts"),
        import("./add_rm.ts"),
      ]);
      const models = await modelsOf(args, flags.fromFile, host);
      await addToQueue(models, flags, host, wire.openQueue);
    });
}

function addList(group: CommandUnknownOpts, host: Host, wire: QueueWire): void {
  group.command("list").alias("ls")
    .description("list the entries with their state and error")
    .addOption(modelsDirFlag())
    .addOption(outputFlag())
    .addOption(new Option("-q, --quiet", "print only names").helpGroup("Output:"))
    .addOption(
      new Option("-v, --verbose", "print names in full, and stack traces").helpGroup("Output:"),
    )
    .addOption(noColorFlag())
    .action(async (flags) => {
      const { listQueue } = await import("./list.ts");
      await listQueue(flags, host, wire.openQueue);
    });
}

function addRm(group: CommandUnknownOpts, host: Host, wire: QueueWire): void {
  group.command("rm")
    .description("remove entries that are not active")
    .addHelpText("after", MORE_ON_RM)
    .argument(
      "[position...]",
      "position in the list",
      (text, before: readonly number[] = []) => [...before, wholeNumber(1, MOST_ENTRIES)(text)],
    )
    .addOption(new Option("--done", "all completed entries").helpGroup("Queue:"))
    .addOption(modelsDirFlag())
    .addOption(outputFlag())
    .addOption(new Option("-q, --quiet", "print only errors").helpGroup("Output:"))
    .addOption(new Option("-v, --verbose", "also print stack traces").helpGroup("Output:"))
    .addOption(noColorFlag())
    .action(async (positions, flags) => {
      const { removeFromQueue } = await import("./add_rm.ts");
      await removeFromQueue(positions ?? [], flags, host, wire.openQueue);
    });
}

const addStart: Add = (group, host, wire, ended) => {
  withPullFlags(group.command("start"))
    .description("pull all queued models, including those added meanwhile")
    .addOption(
      new Option("--watch", "when all is done, wait for further entries").helpGroup("Queue:"),
    )
    .addHelpText("after", MORE_ON_START)
    .action(async (flags) => {
      const [
        { displayOptions, modelsDirWarnings },
        { pullOptions },
        { startQueue },
        { waitMessages },
        { repeatFolderFlags, repeatPullFlags },
      ] = await Promise.all([
        import("../args/options.ts"),
        import("../pull/options.ts"),
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
          notify: flags.notify ?? false,
          warnings: modelsDirWarnings(flags.modelsDir, host),
          sameFolder: repeatFolderFlags(flags, host),
          repeatFlags: repeatPullFlags(flags, host),
          commands: [],
          host,
          openEngine: (stop) => wire.openEngine(options, stop),
          openModels: wire.openModels,
          wait: waitMessages(host, flags.color),
          watch: flags.watch ?? false,
        }),
      );
    });
};
