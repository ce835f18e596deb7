/** `pullama list`. */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { modelsDirFlag, noColorFlag, outputFlag } from "../args/flags.ts";
import type { Host } from "../host/host.ts";
import type { ModelsWire } from "../host/models_wire.ts";

const MORE = `
ID is the beginning of the manifest's sha256, SIZE the sum of all blobs, "-" for
a model that runs on another machine. A manifest that cannot be read is named in
a warning; the other models are listed all the same, and the exit code is 0.

Examples:
  pullama list                       all models, the newest first
  pullama ls llama                   those whose name begins so, in any case
  pullama ls -v                      with the time at which each was written
  pullama ls -q                      names alone, one a line
  pullama ls --output json | jq -r '.models[] | [.name, .size] | @tsv'`;

export function addList(root: CommandUnknownOpts, host: Host, wire: ModelsWire): void {
  root.command("list").alias("ls")
    .description("list installed models: name, ID, size, modified")
    .argument("[prefix]", "how the names begin, as they are listed")
    .addOption(modelsDirFlag())
    .addOption(outputFlag())
    .addOption(new Option("-q, --quiet", "names alone").helpGroup("Output:"))
    .addOption(
      new Option("-v, --verbose", "times in full; where errors arose").helpGroup("Output:"),
    )
    .addOption(noColorFlag())
    .addHelpText("after", MORE)
    .action(async (prefix, flags) => {
      const { runList: listModels } = await import("./run.ts");
      await listModels(prefix, flags, host, wire);
    });
}
