/** `pullama clean`. */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { CleanWire } from "./run.ts";
import { modelsDirFlag, noColorFlag, outputFlag, quietFlag } from "../args/flags.ts";
import type { Host } from "../host/host.ts";

const MORE = `
Installed models stay as they are; what goes would have to be fetched again.
Beside a running pull what is in use is left and named. What "ollama pull" has
left stays too: its server tidies up by itself. The list of "pullama queue" goes
only with --queue.

Examples:
  pullama clean                      everything that pulls have left unfinished
  pullama clean llama3.2             only what a pull of llama3.2 has left
  pullama clean --dry-run            say what would go and what that frees
  pullama clean --output json | jq .freed_bytes`;

export function addClean(root: CommandUnknownOpts, host: Host, wire: CleanWire): void {
  root.command("clean")
    .description("remove what pulls have left unfinished; never an installed model")
    .argument("[model...]", "only what was left of these")
    .addOption(modelsDirFlag())
    .addOption(
      new Option("--dry-run", "say what would go; remove nothing").helpGroup("Storage:"),
    )
    .addOption(
      new Option("--queue", "also the list of models that wait to be pulled")
        .helpGroup("Storage:"),
    )
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addOption(new Option("-v, --verbose", "also where errors arose").helpGroup("Output:"))
    .addOption(noColorFlag())
    .addHelpText("after", MORE)
    .action(async (models, flags) => {
      const { runClean: cleanUp } = await import("./run.ts");
      await cleanUp(models, flags, host, wire);
    });
}
