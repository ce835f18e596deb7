/** `pullama verify`. */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { modelsDirFlag, noColorFlag, outputFlag, quietFlag, verboseFlag } from "../args/flags.ts";
import type { Host } from "../host/host.ts";
import { withNetworkFlags } from "../pull/flags.ts";
import type { VerifyWire } from "./run.ts";

const MORE = `
Checks the manifests, the sizes of all blobs, and their digests: a blob that was
verified and has not changed since is not read again, unless with --full. What
is found is printed with what to do about it. Without --repair nothing is
changed. With it, what is wrong is downloaded from the registry: of a large blob
only the damaged parts, and exactly what is installed, also where the tag has
moved since. The network flags are those of the downloads. The exit code is 1 if
something is wrong, with --repair if it still is, and 4 if a given model is not
installed.

Examples:
  pullama verify                     check all installed models
  pullama verify llama3.2 phi3:mini  check these
  pullama verify --full --repair     read every byte, and repair what is damaged
  pullama verify --output json | jq 'select(.event=="finding").path'`;

export function addVerify(
  root: CommandUnknownOpts,
  host: Host,
  wire: VerifyWire,
  ended: (exitCode: number) => void,
): void {
  const command = root.command("verify");
  command
    .description("check that installed models are undamaged, or repair them")
    .addOption(modelsDirFlag())
    .addOption(
      new Option("--full", "read every blob, also those that have not changed since they were")
        .helpGroup("Storage:"),
    )
    .addOption(new Option("--repair", "download what is wrong").helpGroup("Storage:"));
  withNetworkFlags(command)
    .argument("[model...]", "check only these models")
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addOption(verboseFlag())
    .addOption(noColorFlag())
    .addHelpText("after", MORE)
    .action(async (models, flags) => {
      const { runVerify } = await import("./run.ts");
      ended(await runVerify(models, flags, host, wire));
    });
}
