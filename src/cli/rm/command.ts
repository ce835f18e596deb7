/** `pullama rm`. */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { modelsDirFlag, noColorFlag, outputFlag, quietFlag } from "../args/flags.ts";
import type { Host } from "../host/host.ts";
import type { RmWire } from "./run.ts";

const MORE = `
Blobs that another model uses stay, in whichever manifests folder that is. What
an unfinished pull of the model has left goes as well. Nothing at all is removed
while a pull is running, or where the manifest of any model cannot be read.

Examples:
  pullama rm llama3.2                remove llama3.2:latest
  pullama rm mistral:7b phi3:mini    several; exits as the first failure would
  pullama rm llama3.2 --output json | jq .freed_bytes`;

export function addRm(
  root: CommandUnknownOpts,
  host: Host,
  wire: RmWire,
  ended: (exitCode: number) => void,
): void {
  root.command("rm")
    .description("remove models; blobs shared with another model stay")
    .argument("<model...>", "[host/][namespace/]model[:tag]")
    .addOption(modelsDirFlag())
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addOption(new Option("-v, --verbose", "also where errors arose").helpGroup("Output:"))
    .addOption(noColorFlag())
    .addHelpText("after", MORE)
    .action(async (given, flags) => {
      const { runRm: removeGiven } = await import("./run.ts");
      ended(await removeGiven(given, flags, host, wire));
    });
}
