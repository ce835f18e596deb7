/** The flags of commands that pull. */

import { type Command, Option } from "@commander-js/extra-typings";
import {
  modelsDirFlag,
  noColorFlag,
  outputFlag,
  quietFlag,
  tokenHostFlag,
  verboseFlag,
} from "../args/flags.ts";
import type { DisplayFlags } from "../args/options.ts";
import type { PullFlags } from "./options.ts";
import { duration, durationOrForever, path, sizeFrom, wholeNumber } from "../args/values.ts";

const STORAGE = "Storage:";
const NETWORK = "Network:";
const MIB = 2 ** 20;

/** Both interfaces as a plain object type, which commander requires for option values. */
type Flags = Pick<PullFlags & DisplayFlags, keyof PullFlags | keyof DisplayFlags>;

/** Adds the flags of a pull and of its output to `command`. */
export function withPullFlags(command: Command): Command<[], Flags> {
  return command
    .addOption(modelsDirFlag())
    .addOption(
      new Option("--force", "pull even if the disk is too small, or it is not a model").helpGroup(
        STORAGE,
      ),
    )
    .addOption(
      new Option("--dry-run", "show what would be downloaded and whether it fits; download no blob")
        .helpGroup(STORAGE),
    )
    .addOption(new Option("--insecure", "use plain http to the registry").helpGroup(NETWORK))
    .addOption(
      new Option("--connections <n>", "parallel connections, 1 to 64")
        .argParser(wholeNumber(1, 64)).default(4).helpGroup(NETWORK),
    )
    .addOption(
      new Option("--limit-rate <size>", "bytes per second over all connections, such as 5M")
        .argParser(sizeFrom(1, "1")).helpGroup(NETWORK),
    )
    .addOption(
      new Option(
        "--max-retries <n>",
        "consecutive failures without progress before giving up",
      ).argParser(wholeNumber(0, 10_000)).default(6).helpGroup(NETWORK),
    )
    .addOption(
      new Option(
        "--retry-for <dur>",
        "keep retrying for this long if the network is down: 24h, forever",
      ).argParser(durationOrForever).helpGroup(NETWORK),
    )
    .addOption(
      new Option("--timeout <dur>", "time limit for one attempt at a chunk")
        .argParser(duration).default(30 * 60_000, "30m").helpGroup(NETWORK),
    )
    .addOption(
      new Option("--chunk-size <size>", "length of chunks if the registry sets none")
        .argParser(sizeFrom(MIB / 16, "64KiB")).default(64 * MIB, "64MiB").helpGroup(NETWORK),
    )
    .addOption(
      new Option(
        "--ca-cert <file>",
        "additional trusted certificates (env: SSL_CERT_FILE, SSL_CERT_DIR)",
      ).argParser(path).helpGroup(NETWORK),
    )
    .addOption(tokenHostFlag())
    .addOption(outputFlag())
    .addOption(quietFlag())
    .addOption(verboseFlag())
    .addOption(noColorFlag());
}
