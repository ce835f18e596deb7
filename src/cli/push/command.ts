/** `pullama push`. */

import { type CommandUnknownOpts, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import {
  caCertFlag,
  chunkSizeFlag,
  insecureFlag,
  maxRetriesFlag,
  mirrorFlag,
  modelsDirFlag,
  noColorFlag,
  outputFlag,
  quietFlag,
  rateFlag,
  retryForFlag,
  timeoutFlag,
  tokenHostFlag,
  verboseFlag,
} from "../args/flags.ts";
import { wholeNumber } from "../args/values.ts";
import type { Host } from "../host/host.ts";
import type { PushWire } from "./run.ts";

const MORE = `
Copies installed models, byte for byte, into an OCI registry: CNCF distribution,
Harbor, Zot. The names there are those that a mirror has, so that others pull
from it, with the same digests:
  pullama push llama3.2 --to 10.0.0.5:5000 --insecure
  pullama pull llama3.2 --mirror http://10.0.0.5:5000

What the registry has is not sent. Large blobs are sent in chunks: after an
interruption the same command continues, if the registry still has its part.
Every blob is hashed while it is sent, and completed only if it is what its
digest says; the manifest is last. "docker login" gives the login.

With --from-registry models come from their registries, or from --mirror, and
pass through without a models folder.

Examples:
  pullama push llama3.2 phi3:mini --to registry.example.com/models
  pullama push --all --to 10.0.0.5:5000 --insecure --dry-run
  pullama push llama3.2 --to 10.0.0.5:5000 --insecure --from-registry`;

const NETWORK = "Network:";

export function addPush(
  root: CommandUnknownOpts,
  host: Host,
  wire: PushWire,
  ended: (exitCode: number) => void,
): void {
  root.command("push")
    .description("copy models into a registry, for others")
    .usage("<model>... --to <registry> [flags]")
    .argument("[model...]", "installed models")
    .addOption(
      new Option("--to <registry>", "host[:port][/prefix] of the registry").argParser(target)
        .makeOptionMandatory().helpGroup("Models:"),
    )
    .addOption(new Option("--all", "all installed models").helpGroup("Models:"))
    .addOption(
      new Option("--from-registry", "read the models from their registries, not from the folder")
        .helpGroup("Models:"),
    )
    .addOption(
      new Option("--dry-run", "print what would be sent; send nothing").helpGroup("Models:"),
    )
    .addOption(modelsDirFlag())
    .addOption(insecureFlag())
    .addOption(
      new Option("--connections <n>", "blobs that are sent at the same time, 1 to 64")
        .argParser(wholeNumber(1, 64)).default(4).helpGroup(NETWORK),
    )
    .addOption(rateFlag())
    .addOption(maxRetriesFlag())
    .addOption(retryForFlag())
    .addOption(timeoutFlag())
    .addOption(chunkSizeFlag("bytes of one request"))
    .addOption(caCertFlag())
    .addOption(tokenHostFlag())
    .addOption(mirrorFlag())
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addOption(verboseFlag())
    .addOption(noColorFlag())
    .addHelpText("after", MORE)
    .action(async (models, flags) => {
      const { runPush } = await import("./run.ts");
      ended(await runPush(models, flags, host, wire));
    });
}

/** The next flag must not be taken for a missing value; the rest is checked with the other flags. */
function target(text: string): string {
  if (text !== "" && !text.startsWith("-")) return text;
  throw new InvalidArgumentError("Expected a registry such as 10.0.0.5:5000.");
}
