/** `pullama outdated`. */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { modelsDirFlag, noColorFlag, outputFlag } from "../args/flags.ts";
import type { Host } from "../host/host.ts";
import type { PullWire } from "../pull/command.ts";
import { withRegistryFlags } from "../pull/flags.ts";

const MORE = `
Asks the registry of each installed model for its manifest, and for nothing
else: INSTALLED and AVAILABLE are IDs as in the list, TO DOWNLOAD is what a pull
would have to download. Models that are up to date are listed with --verbose
only. A model that its registry does not have, such as one that was created
here, is listed as such and is no failure, unless it is named. A registry that
cannot be reached is one: the others are compared all the same, and the exit
code is that of the first failure. With --quiet only the names of outdated
models are printed.

Examples:
  pullama outdated                   compare all installed models
  pullama outdated llama3.2 phi3     compare these
  pullama outdated -q | xargs -r pullama pull
  pullama outdated --output json | jq '.models[] | select(.status=="outdated")'`;

export function addOutdated(
  root: CommandUnknownOpts,
  host: Host,
  wire: PullWire,
  ended: (exitCode: number) => void,
): void {
  const command = root.command("outdated");
  command
    .description("compare installed models with their registries")
    .addOption(modelsDirFlag());
  withRegistryFlags(command)
    .argument("[model...]", "compare only these models")
    .addOption(outputFlag())
    .addOption(
      new Option("-q, --quiet", "print only the names of outdated models").helpGroup("Output:"),
    )
    .addOption(
      new Option("-v, --verbose", "also list models that are up to date, and stack traces")
        .helpGroup("Output:"),
    )
    .addOption(noColorFlag())
    .addHelpText("after", MORE)
    .action(async (models, flags) => {
      const { runOutdated } = await import("./run.ts");
      ended(await runOutdated(models, flags, host, wire));
    });
}
