/** `pullama rm`. */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { modelsDirFlag, noColorFlag, outputFlag, quietFlag } from "../args/flags.ts";
import type { Host } from "../host/host.ts";
import type { RmWire } from "./run.ts";

const MORE = `
Blobs that another model uses are kept, whichever manifests folder it is in.
Partial downloads of the model are removed too. Nothing is removed while a pull
is running, or if the manifest of any model cannot be read. The exit code is
that of the first failure.

Examples:
  pullama rm llama3.2                remove llama3.2:latest
  pullama rm mistral:7b phi3:mini    remove several
  pullama rm llama3.2 --output json | jq .freed_bytes`;

export function addRm(
  root: CommandUnknownOpts,
  host: Host,
  wire: RmWire,
  ended: (exitCode: number) => void,
): void {
  root.command("rm")
    .description("remove models; blobs shared with another model are kept")
    .argument("<model...>", "[host/][namespace/]model[:tag]")
    .addOption(modelsDirFlag())
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addOption(new Option("-v, --verbose", "also print stack traces").helpGroup("Output:"))
    .addOption(noColorFlag())
    .addHelpText("after", MORE)
    .action(async (given, flags) => {
      const { runRm } = await import("./run.ts");
      ended(await runRm(given, flags, host, wire));
    });
}
