/** `pullama prune`. */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { modelsDirFlag, noColorFlag, outputFlag, quietFlag } from "../args/flags.ts";
import type { Host } from "../host/host.ts";
import type { PruneWire } from "./run.ts";

const MORE = `
What updates, removals and crashes of any program have left in blobs/: no model
loses anything, and all of it can be downloaded again. Blobs that were written
in the last hour are kept, since a model may be about to use them. While a pull
is running, of pullama or of Ollama, or if a manifest cannot be read, nothing is
removed. Unfinished downloads are for "pullama clean".

Examples:
  pullama prune --dry-run            show what would be removed and freed
  pullama prune                      remove it
  pullama prune --output json | jq .freed_bytes`;

export function addPrune(root: CommandUnknownOpts, host: Host, wire: PruneWire): void {
  root.command("prune")
    .description("remove blobs that no model uses")
    .addOption(modelsDirFlag())
    .addOption(
      new Option("--dry-run", "show what would be removed; remove nothing").helpGroup("Storage:"),
    )
    .addOption(
      new Option("--all", "also blobs that were written in the last hour").helpGroup("Storage:"),
    )
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addOption(new Option("-v, --verbose", "also print stack traces").helpGroup("Output:"))
    .addOption(noColorFlag())
    .addHelpText("after", MORE)
    .action(async (flags) => {
      const { runPrune } = await import("./run.ts");
      await runPrune(flags, host, wire);
    });
}
