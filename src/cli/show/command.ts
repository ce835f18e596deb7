/** `pullama show`. */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { modelsDirFlag, noColorFlag, outputFlag } from "../args/flags.ts";
import type { Host } from "../host/host.ts";
import type { ModelsWire } from "../host/models_wire.ts";

const MORE = `
What the configuration of the model does not say is read from the header of its
weights. A model whose blobs are missing is shown as far as it is there.

Examples:
  pullama show llama3.2              what it is, can do and consists of
  pullama show -v llama3.2           also metadata, whole licence, whole digests
  pullama show -q llama3.2           its name; exits 4 if it is not installed
  pullama show llama3.2 --output json | jq .details.context_length`;

export function addShow(root: CommandUnknownOpts, host: Host, wire: ModelsWire): void {
  root.command("show")
    .description("describe an installed model: family, parameters, context, licence, layers")
    .argument("<model>", "[host/][namespace/]model[:tag]")
    .addOption(modelsDirFlag())
    .addOption(outputFlag())
    .addOption(new Option("-q, --quiet", "its name alone").helpGroup("Output:"))
    .addOption(
      new Option("-v, --verbose", "also metadata, whole licences, whole digests")
        .helpGroup("Output:"),
    )
    .addOption(noColorFlag())
    .addHelpText("after", MORE)
    .action(async (given, flags) => {
      const { runShow: showModel } = await import("./run.ts");
      await showModel(given, flags, host, wire);
    });
}
