/** `pullama pull`: the flags of a pull and what they mean. */

import { type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import { modelsDirFlag, noColorFlag, outputFlag, quietFlag, verboseFlag } from "../flags.ts";
import type { Host } from "../host.ts";
import { displayOptions, modelsDirWarnings, pullOptions } from "../options.ts";
import type { OpenEngine } from "../../setup/engine.ts";
import { pullModels } from "../pull_models.ts";
import { duration, durationOrForever, path, sizeFrom, wholeNumber } from "../values.ts";

/** What this command needs to be wired to. */
export interface PullWire {
  readonly openEngine: OpenEngine;
}

const NETWORK = "Network:";
const MIB = 2 ** 20;

export function addPull(
  root: CommandUnknownOpts,
  host: Host,
  wire: PullWire,
  ended: (exitCode: number) => void,
): void {
  root.command("pull")
    .description("pull models, or go on with pulls that were interrupted")
    .argument("<model...>", "[host/][namespace/]model[:tag]")
    .addOption(modelsDirFlag())
    .addOption(
      new Option("--force", "pull although the disk seems too small").helpGroup("Storage:"),
    )
    .addOption(
      new Option("--dry-run", "say what would be fetched and whether it fits; fetch no blob")
        .helpGroup("Storage:"),
    )
    .addOption(new Option("--insecure", "plain http to the registry").helpGroup(NETWORK))
    .addOption(
      new Option("--connections <n>", "parallel connections, 1 to 64")
        .argParser(wholeNumber(1, 64)).default(4).helpGroup(NETWORK),
    )
    .addOption(
      new Option("--limit-rate <size>", "bytes a second over all connections, such as 5M")
        .argParser(sizeFrom(1, "1")).helpGroup(NETWORK),
    )
    .addOption(
      new Option("--max-retries <n>", "transient failures of a chunk in a row that are forgiven")
        .argParser(wholeNumber(0, 10_000)).default(6).helpGroup(NETWORK),
    )
    .addOption(
      new Option("--retry-for <dur>", "go on for so long when the line is gone: 24h, forever")
        .argParser(durationOrForever).helpGroup(NETWORK),
    )
    .addOption(
      new Option("--timeout <dur>", "longest one attempt at a chunk may take")
        .argParser(duration).default(30 * 60_000, "30m").helpGroup(NETWORK),
    )
    .addOption(
      new Option("--chunk-size <size>", "length of chunks where the registry sets none")
        .argParser(sizeFrom(MIB / 16, "64KiB")).default(64 * MIB, "64MiB").helpGroup(NETWORK),
    )
    .addOption(
      new Option("--ca-cert <file>", "certificates to trust (env: SSL_CERT_FILE, SSL_CERT_DIR)")
        .argParser(path).helpGroup(NETWORK),
    )
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addOption(verboseFlag())
    .addOption(noColorFlag())
    .action(async (models, flags) => {
      const options = pullOptions(flags, host);
      const warnings = modelsDirWarnings(flags.modelsDir, host);
      const commands = root.commands.map((command) => command.name());
      ended(
        await pullModels({
          models,
          options,
          display: displayOptions(flags),
          warnings,
          commands,
          host,
          openEngine: wire.openEngine,
        }),
      );
    });
}
