/** `pullama clean`. */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { CleanWire } from "./run.ts";
import { modelsDirFlag, noColorFlag, outputFlag, quietFlag } from "../args/flags.ts";
import { duration } from "../args/values.ts";
import type { Host } from "../host/host.ts";

const MORE = `
Installed models are not touched. What is removed has to be downloaded again.
While a pull is running, the files in use are kept and listed. Partial downloads
of "ollama pull" are kept too: its server removes them. The list of "pullama
queue" is removed only with --queue.

Examples:
  pullama clean                      remove everything unfinished pulls left
  pullama clean llama3.2             only what pulls of llama3.2 left
  pullama clean --older-than 30d     what no pull has used for 30 days
  pullama clean --dry-run            show what would be removed and freed
  pullama clean --output json | jq .freed_bytes`;

export function addClean(root: CommandUnknownOpts, host: Host, wire: CleanWire): void {
  root.command("clean")
    .description("remove what unfinished pulls left; models are kept")
    .argument("[model...]", "remove only what pulls of these models left")
    .addOption(modelsDirFlag())
    .addOption(
      new Option("--dry-run", "show what would be removed; remove nothing")
        .helpGroup("Storage:"),
    )
    .addOption(
      new Option(
        "--older-than <dur>",
        "only pulls that have not written for this long, such as 30d",
      )
        .argParser(duration).helpGroup("Storage:"),
    )
    .addOption(
      new Option("--queue", "also remove the list of queued models").helpGroup("Storage:"),
    )
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addOption(new Option("-v, --verbose", "also print stack traces").helpGroup("Output:"))
    .addOption(noColorFlag())
    .addHelpText("after", MORE)
    .action(async (models, flags) => {
      const { runClean } = await import("./run.ts");
      await runClean(models, flags, host, wire);
    });
}
