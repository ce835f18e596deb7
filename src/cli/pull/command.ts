/** `pullama pull`. */

import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { fromFileFlag } from "../args/flags.ts";
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
With @sha256:... after a name only the manifest with that digest is pulled, even
if the tag has moved meanwhile, provided that its registry still has it. A file
of names may have comments after "#"; "pullama list --output lock" makes one
with the digests of all installed models.

Examples:
  pullama pull llama3.2
  pullama pull mistral:7b hf.co/user/model:Q4_K_M
  pullama pull llama3.2 --dry-run    download size, and whether it fits
  pullama pull llama3.2 --limit-rate 5M --retry-for 24h
  pullama pull --from-file models.lock`;

export function addPull(
  root: CommandUnknownOpts,
  host: Host,
  wire: PullWire,
  ended: (exitCode: number) => void,
): void {
  withPullFlags(root.command("pull"))
    .description("pull models, or resume interrupted pulls")
    .argument("[model...]", "[host/][namespace/]model[:tag][@digest]")
    .addOption(fromFileFlag())
    .addHelpText("after", MORE)
    .action(async (args, flags) => {
      const [
        { displayOptions, modelsDirWarnings },
        { modelsOf },
        { pullOptions },
        { runPull },
        { repeatPullFlags },
      ] = await Promise.all([
        import("../args/options.ts"),
        import("../args/from_file.ts"),
        import("./options.ts"),
        import("./run.ts"),
        import("../args/repeat_flags.ts"),
      ]);
      const models = await modelsOf(args, flags.fromFile, host);
      const options = pullOptions(flags, host);
      ended(
        await runPull({
          models,
          options,
          display: displayOptions(flags),
          notify: flags.notify ?? false,
          warnings: modelsDirWarnings(flags.modelsDir, host),
          repeatFlags: repeatPullFlags(flags, host),
          commands: root.commands.map((command) => command.name()),
          host,
          openEngine: (stop) => wire.openEngine(options, stop),
          openModels: wire.openModels,
        }),
      );
    });
}
