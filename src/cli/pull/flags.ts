/** The flags of everything that pulls. */

import { type Command, Option } from "@commander-js/extra-typings";
import { modelsDirFlag, noColorFlag, outputFlag, quietFlag, verboseFlag } from "../args/flags.ts";
import type { DisplayFlags, PullFlags } from "../args/options.ts";
import { duration, durationOrForever, path, sizeFrom, wholeNumber } from "../args/values.ts";

const STORAGE = "Storage:";
const NETWORK = "Network:";
const MIB = 2 ** 20;

/** Both interfaces as a plain object, which is what commander takes for values of options. */
type Flags = Pick<PullFlags & DisplayFlags, keyof PullFlags | keyof DisplayFlags>;

/** `command` with the flags of a pull and those about showing it. */
export function withPullFlags(command: Command): Command<[], Flags> {
  return command
    .addOption(modelsDirFlag())
    .addOption(
      new Option("--force", "pull although the disk seems too small").helpGroup(STORAGE),
    )
    .addOption(
      new Option("--dry-run", "say what would be fetched and whether it fits; fetch no blob")
        .helpGroup(STORAGE),
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
    .addOption(noColorFlag());
}
