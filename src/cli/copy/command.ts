/** `pullama cp` and `pullama mv`. */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import {
  diskRateFlag,
  modelsDirFlag,
  noColorFlag,
  outputFlag,
  quietFlag,
  verboseFlag,
} from "../args/flags.ts";
import type { Host } from "../host/host.ts";
import type { CopyWire } from "./run.ts";

const ABOUT_BLOBS = `
On the same disk a blob gets a second name if it already has the owner and the
mode of the other folder's files, and on btrfs and XFS a copy shares its bytes:
both take no room. Otherwise it is copied and verified, and resumed if that was
interrupted. The manifest is last.`;

const MORE_ON_CP = `
Copies installed models into another models folder, which is made if it does not
exist. What it already has is not copied again.
${ABOUT_BLOBS}

Examples:
  pullama cp llama3.2 /mnt/disk/models
  pullama cp --all /mnt/backup/models --limit-rate 50M
  pullama cp llama3.2 ~/.ollama/models --models-dir /mnt/disk/models`;

const MORE_ON_MV = `
Copies installed models into another models folder, as "pullama cp" does, and
then removes them here, as "pullama rm" does: blobs that another model uses
stay. A model that cannot be copied is not removed.
${ABOUT_BLOBS}

Examples:
  pullama mv llama3.2:70b /mnt/disk/models
  pullama mv --all /mnt/disk/models    then set OLLAMA_MODELS to that folder`;

type Ended = (exitCode: number) => void;

export function addCp(root: CommandUnknownOpts, host: Host, wire: CopyWire, ended: Ended): void {
  add(root, host, wire, ended, "cp", "copy models into another models folder", MORE_ON_CP);
}

export function addMv(root: CommandUnknownOpts, host: Host, wire: CopyWire, ended: Ended): void {
  add(root, host, wire, ended, "mv", "move models into another models folder", MORE_ON_MV);
}

function add(
  root: CommandUnknownOpts,
  host: Host,
  wire: CopyWire,
  ended: Ended,
  act: "cp" | "mv",
  about: string,
  more: string,
): void {
  root.command(act)
    .description(about)
    .usage("<model>... <dir> [flags]")
    .argument("<model...>", "installed models, and then the other models folder")
    .addOption(new Option("--all", "all installed models").helpGroup("Storage:"))
    .addOption(modelsDirFlag())
    .addOption(
      new Option("--force", "even if the disk seems too small, or it is not a model")
        .helpGroup("Storage:"),
    )
    .addOption(diskRateFlag())
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addOption(verboseFlag())
    .addOption(noColorFlag())
    .addHelpText("after", more)
    .action(async (words, flags) => {
      const { runCopy } = await import("./run.ts");
      ended(await runCopy(act, words, flags, host, wire));
    });
}
