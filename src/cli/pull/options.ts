/** The options of a pull, from flags and environment. */

import { mirrorOptions } from "../../setup/mirrors/urls.ts";
import { tokenHosts, trustedCertificates } from "../../setup/trust.ts";
import { modelsDir } from "../../setup/models_dir.ts";
import type { Hours, Timetable } from "../../setup/pace/timetable.ts";
import type { PullOptions } from "../../setup/options.ts";
import type { Host } from "../host/host.ts";

/** The parsed flags of a pull. */
export interface PullFlags {
  readonly modelsDir?: string | undefined;
  readonly insecure?: true | undefined;
  readonly maxRetries: number;
  readonly chunkSize: number;
  readonly timeout: number;
  readonly connections: number | "auto";
  readonly limitRate?: Timetable | undefined;
  readonly window?: readonly Hours[] | undefined;
  readonly retryFor?: number | undefined;
  readonly caCert?: string | undefined;
  readonly tokenHost?: readonly string[] | undefined;
  readonly mirror?: readonly string[] | undefined;
  readonly offline?: true | undefined;
  readonly force?: true | undefined;
  readonly dryRun?: true | undefined;
  readonly notify?: true | undefined;
}

/** The longest timeout of a timer: 24 days. */
const LONGEST_MS = 2 ** 31 - 1;

/** Throws `usage` if the models folder cannot be determined. */
export function pullOptions(flags: PullFlags, host: Host): PullOptions {
  return {
    modelsDir: modelsDir(flags.modelsDir, host),
    insecure: flags.insecure ?? false,
    maxRetries: flags.maxRetries,
    chunkSize: flags.chunkSize,
    timeoutMs: Math.min(flags.timeout, LONGEST_MS),
    connections: flags.connections === "auto" ? undefined : flags.connections,
    ...(flags.limitRate !== undefined && { limitRate: flags.limitRate }),
    ...(flags.window !== undefined && { windows: flags.window }),
    ...(flags.retryFor !== undefined && { retryForMs: flags.retryFor }),
    ...trustedCertificates(flags.caCert, host.env),
    tokenHosts: tokenHosts(flags.tokenHost, host.env),
    ...mirrorOptions(flags.mirror, flags.offline ?? false, host.env),
    force: flags.force ?? false,
    dryRun: flags.dryRun ?? false,
  };
}
