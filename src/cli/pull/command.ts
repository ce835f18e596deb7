/** `pullama pull`. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { Host } from "../host/host.ts";
import type { OpenEngine } from "../../setup/engine.ts";
import type { ModelsWire } from "../host/models_wire.ts";
import { withPullFlags } from "./flags.ts";

/** The dependencies of this command. */
export interface PullWire extends ModelsWire {
  readonly openEngine: OpenEngine;
}

const MORE = `
Downloaded data is kept however a pull ends; run the same command to resume.

Examples:
  pullama pull llama3.2
  pullama pull mistral:7b hf.co/user/model:Q4_K_M
  pullama pull llama3.2 --dry-run    download size, and whether it fits
  pullama pull llama3.2 --limit-rate 5M --retry-for 24h`;

export function addPull(
  root: CommandUnknownOpts,
  host: Host,
  wire: PullWire,
  ended: (exitCode: number) => void,
): void {
  withPullFlags(root.command("pull"))
    .description("pull models, or resume interrupted pulls")
    .argument("<model...>", "[host/][namespace/]model[:tag]")
    .addHelpText("after", MORE)
    .action(async (models, flags) => {
      const [
        { displayOptions, modelsDirWarnings },
        { pullOptions },
        { runPull },
        { repeatPullFlags },
      ] = await Promise.all([
        import("../args/options.ts"),
        import("./options.ts"),
        import("./run.ts"),
        import("../args/repeat_flags.ts"),
      ]);
      ended(
        await runPull({
          models,
          options: pullOptions(flags, host),
          display: displayOptions(flags),
          warnings: modelsDirWarnings(flags.modelsDir, host),
          repeatFlags: repeatPullFlags(flags, host),
          commands: root.commands.map((command) => command.name()),
          host,
          openEngine: wire.openEngine,
          openModels: wire.openModels,
        }),
      );
    });
}
