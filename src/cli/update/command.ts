/** `pullama update`. */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { Host } from "../host/host.ts";
import type { PullWire } from "../pull/command.ts";
import { withPullFlags } from "../pull/flags.ts";

const MORE = `
Compares installed models with their registries, and pulls those that have
changed, one after another: one that fails does not stop the others. The
installed version stays until the new one is complete; then the blobs that only
the old one used are removed. A model that is up to date costs one request.
Downloaded data is kept however it ends; run the same command to resume. With
--dry-run it lists what would be downloaded, as "pullama outdated" does.

Examples:
  pullama update --all               update all installed models
  pullama update llama3.2 phi3       update these
  pullama update --all --dry-run     what has changed, and how much it is`;

export function addUpdate(
  root: CommandUnknownOpts,
  host: Host,
  wire: PullWire,
  ended: (exitCode: number) => void,
): void {
  const command = root.command("update");
  command
    .description("pull installed models again that have changed")
    .addOption(new Option("--all", "all installed models").helpGroup("Storage:"));
  withPullFlags(command)
    .argument("[model...]", "installed models")
    .addHelpText("after", MORE)
    .action(async (models, flags) => {
      const { runUpdate } = await import("./run.ts");
      ended(await runUpdate(models, flags, host, wire));
    });
}
