/** The flags of commands that pull. */

import { type Command, Option } from "@commander-js/extra-typings";
import {
  caCertFlag,
  chunkSizeFlag,
  insecureFlag,
  maxRetriesFlag,
  mirrorFlag,
  modelsDirFlag,
  noColorFlag,
  offlineFlag,
  outputFlag,
  quietFlag,
  rateFlag,
  retryForFlag,
  timeoutFlag,
  tokenHostFlag,
  verboseFlag,
} from "../args/flags.ts";
import type { DisplayFlags } from "../args/options.ts";
import type { PullFlags } from "./options.ts";
import { hours, numberOrAuto } from "../args/values.ts";

const STORAGE = "Storage:";
const NETWORK = "Network:";

/** Both interfaces as a plain object type, which commander requires for option values. */
type Flags = Pick<PullFlags & DisplayFlags, keyof PullFlags | keyof DisplayFlags>;
export type RegistryFlags = Pick<
  PullFlags,
  "insecure" | "maxRetries" | "retryFor" | "caCert" | "tokenHost" | "mirror" | "offline"
>;
export type NetworkFlags = Omit<
  Flags,
  "modelsDir" | "force" | "dryRun" | "notify" | keyof DisplayFlags
>;

/** Adds the flags of a pull and of its output to `command`. */
export function withPullFlags(command: Command): Command<[], Flags> {
  command
    .addOption(modelsDirFlag())
    .addOption(
      new Option("--force", "pull even if the disk is too small, or it is not a model").helpGroup(
        STORAGE,
      ),
    )
    .addOption(
      new Option("--dry-run", "show what would be downloaded and whether it fits; download no blob")
        .helpGroup(STORAGE),
    );
  return withNetworkFlags(command)
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addOption(verboseFlag())
    .addOption(noColorFlag())
    .addOption(
      new Option("--notify", "tell the terminal when all is done, or has failed")
        .helpGroup("Output:"),
    );
}

/** Adds the flags of a pull that are about the network. */
export function withNetworkFlags(command: Command): Command<[], NetworkFlags> {
  return command
    .addOption(insecureFlag())
    .addOption(
      new Option("--connections <n>", "parallel connections, 1 to 64; auto: as many as serve")
        .argParser(numberOrAuto(1, 64)).default("auto" as const).helpGroup(NETWORK),
    )
    .addOption(rateFlag())
    .addOption(
      new Option("--window <hours>", "download only then, such as 22:00-06:00; repeatable")
        .argParser(hours).helpGroup(NETWORK),
    )
    .addOption(maxRetriesFlag())
    .addOption(retryForFlag())
    .addOption(timeoutFlag())
    .addOption(chunkSizeFlag("length of chunks if the registry sets none"))
    .addOption(caCertFlag())
    .addOption(tokenHostFlag())
    .addOption(mirrorFlag())
    .addOption(offlineFlag());
}

/** Adds the flags of requests to registries, for commands that download no blobs. */
export function withRegistryFlags(command: Command): Command<[], RegistryFlags> {
  return command
    .addOption(insecureFlag())
    .addOption(maxRetriesFlag())
    .addOption(retryForFlag())
    .addOption(caCertFlag())
    .addOption(tokenHostFlag())
    .addOption(mirrorFlag())
    .addOption(offlineFlag());
}
