/** `pullama status`, `limit`, `pause` and `resume`: about all pulls of a models folder, while they run. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { modelsDirFlag, noColorFlag, outputFlag, quietFlag } from "../args/flags.ts";
import { rate } from "../args/values.ts";
import type { Host } from "../host/host.ts";
import type { ControlWire } from "./run.ts";

const MORE_ON_STATUS = `
Looks at the models folder for a second, and asks no process: a pull of another
user or machine in the same folder is shown, too. What all pulls have been told
with "pullama limit" and "pullama pause" is printed below.

Examples:
  pullama status                     what is being pulled, how far, and how fast
  pullama status --output json | jq '.pulls[].percent'`;

const MORE_ON_LIMIT = `
Running pulls take the new rate within two seconds, instead of that of their own
--limit-rate; later ones too, until it is switched off. Each gets this rate.

Examples:
  pullama limit 2M                   2,000,000 bytes per second
  pullama limit off                  each pull as it was started`;

const MORE_ON_PAUSE = `
Running pulls give their connections back within two seconds, keep what they
have received, and wait. Pulls that are started meanwhile wait, too.

Examples:
  pullama pause                      all pulls of this models folder
  pullama pause --models-dir /mnt/disk/models`;

const MORE_ON_RESUME = `
Examples:
  pullama resume                     all pulls of this models folder
  pullama resume --models-dir /mnt/disk/models`;

export function addStatus(root: CommandUnknownOpts, host: Host, wire: ControlWire): void {
  root.command("status")
    .description("show what is being pulled, how far, and how fast")
    .addOption(modelsDirFlag())
    .addOption(outputFlag())
    .addOption(noColorFlag())
    .addHelpText("after", MORE_ON_STATUS)
    .action(async (flags) => {
      const { runStatus } = await import("./run.ts");
      await runStatus(flags, host, wire);
    });
}

export function addLimit(root: CommandUnknownOpts, host: Host, wire: ControlWire): void {
  root.command("limit")
    .description("change the rate of all running pulls")
    .argument("<rate|off>", "bytes per second, such as 2M", (text) => ({ rate: rate(text) }))
    .addOption(modelsDirFlag())
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addOption(noColorFlag())
    .addHelpText("after", MORE_ON_LIMIT)
    .action(async ({ rate }, flags) => {
      const { runControl } = await import("./run.ts");
      await runControl((folder) => wire.limitPulls(folder, rate), flags, host, wire);
    });
}

export function addPause(root: CommandUnknownOpts, host: Host, wire: ControlWire): void {
  add(root, host, wire, "pause", "let all running pulls wait", MORE_ON_PAUSE, true);
}

export function addResume(root: CommandUnknownOpts, host: Host, wire: ControlWire): void {
  add(root, host, wire, "resume", "let paused pulls continue", MORE_ON_RESUME, false);
}

function add(
  root: CommandUnknownOpts,
  host: Host,
  wire: ControlWire,
  name: string,
  about: string,
  more: string,
  paused: boolean,
): void {
  root.command(name)
    .description(about)
    .addOption(modelsDirFlag())
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addOption(noColorFlag())
    .addHelpText("after", more)
    .action(async (flags) => {
      const { runControl } = await import("./run.ts");
      await runControl((folder) => wire.pausePulls(folder, paused), flags, host, wire);
    });
}
