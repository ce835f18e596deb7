/** Defaults and bounds of the library's options. */

import { PullamaError } from "../core/errors.ts";
import type { PullEvent } from "../core/events.ts";
import { mirrorOptions } from "./mirrors/urls.ts";
import { tokenHosts, trustedCertificates } from "./trust.ts";
import { variable } from "./environment.ts";
import { modelsDir } from "./models_dir.ts";
import type { PullOptions } from "./options.ts";

/** How a pull is done. Everything is optional. */
export interface LibraryOptions {
  /** The models folder; default `OLLAMA_MODELS`, else `.ollama/models` in the user's home. */
  readonly modelsDir?: string;
  /** Use plain http to the registry. */
  readonly insecure?: boolean;
  /** Parallel connections, 1 to 64; default "auto": as many as serve. */
  readonly connections?: number | "auto";
  /** Bytes of a chunk where the registry gives none; default 64 MiB. */
  readonly chunkSize?: number;
  /** Consecutive failures without progress before giving up; default 6. */
  readonly maxRetries?: number;
  /** How long to keep retrying beyond that while the network is down, in milliseconds; may be `Infinity`; default 0. */
  readonly retryForMs?: number;
  /** Time limit of one attempt at a chunk, in milliseconds; default 30 minutes. */
  readonly timeoutMs?: number;
  /** Bytes a second over all connections; default unlimited. */
  readonly limitRate?: number;
  /** A file with certificates to trust besides the system's; default as SSL_CERT_FILE and SSL_CERT_DIR say. */
  readonly caCert?: string;
  /** Token servers on other hosts that get the login for a registry; default as PULLAMA_TOKEN_HOSTS says. */
  readonly tokenHosts?: readonly string[];
  /** URLs of mirrors that blobs are downloaded from first, in this order; default as PULLAMA_MIRRORS says. */
  readonly mirrors?: readonly string[];
  /** Ask only mirrors, also for manifests. */
  readonly offline?: boolean;
  /** Pull even if there is not enough disk space, or it is not a model. */
  readonly force?: boolean;
  /**
   * Stops the pull: what was received is written to disk, then it rejects with kind `interrupted`.
   */
  readonly signal?: AbortSignal;
  /** Called for every event, synchronously: it should be quick and not throw. */
  readonly onEvent?: (event: PullEvent) => void;
}

/** The options with defaults. Throws `usage` for a number out of bounds. */
export function pullOptionsFor(options: LibraryOptions): PullOptions {
  const { limitRate, retryForMs, connections = "auto" } = options;
  return {
    modelsDir: options.modelsDir ?? modelsDir(undefined, { env: variable, os: Deno.build.os }),
    insecure: options.insecure ?? false,
    maxRetries: checked("maxRetries", options.maxRetries ?? 6, 0, 10_000),
    chunkSize: checked("chunkSize", options.chunkSize ?? 2 ** 26, 2 ** 16, 2 ** 50),
    timeoutMs: checked("timeoutMs", options.timeoutMs ?? 30 * 60_000, 1, 2 ** 31 - 1),
    connections: connections === "auto" ? undefined : checked("connections", connections, 1, 64),
    force: options.force ?? false,
    dryRun: false,
    ...(limitRate !== undefined && {
      limitRate: { usual: checked("limitRate", limitRate, 1, 2 ** 50), at: [] },
    }),
    ...(retryForMs !== undefined && {
      retryForMs: retryForMs === Infinity
        ? retryForMs
        : checked("retryForMs", retryForMs, 0, 2 ** 50),
    }),
    ...trustedCertificates(options.caCert, variable),
    tokenHosts: tokenHosts(options.tokenHosts, variable),
    ...mirrorOptions(options.mirrors, options.offline ?? false, variable),
  };
}

function checked(what: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new PullamaError("usage", `invalid ${what} ${value}: expected a whole number`, {
    hint: `from ${least} to ${most}`,
  });
}
