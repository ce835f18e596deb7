/** `pullama show`. */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { modelsDirFlag, noColorFlag, outputFlag } from "../args/flags.ts";
import type { Host } from "../host/host.ts";
import type { ModelsWire } from "../host/models_wire.ts";

const MORE = `
Details that the model's configuration does not contain are read from the header
of its weights. A model with missing blobs is shown as far as possible.

Examples:
  pullama show llama3.2              details, capabilities and layers
  pullama show -v llama3.2           also metadata, full licence, full digests
  pullama show -q llama3.2           only its name; exits 4 if not installed
  pullama show llama3.2 --output json | jq .details.context_length`;

export function addShow(root: CommandUnknownOpts, host: Host, wire: ModelsWire): void {
  root.command("show")
    .description("show an installed model: family, context, layers, licence")
    .argument("<model>", "[host/][namespace/]model[:tag]")
    .addOption(modelsDirFlag())
    .addOption(outputFlag())
    .addOption(new Option("-q, --quiet", "print only its name").helpGroup("Output:"))
    .addOption(
      new Option("-v, --verbose", "also print metadata, full licences and full digests")
        .helpGroup("Output:"),
    )
    .addOption(noColorFlag())
    .addHelpText("after", MORE)
    .action(async (given, flags) => {
      const { runShow } = await import("./run.ts");
      await runShow(given, flags, host, wire);
    });
}
