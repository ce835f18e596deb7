/** What a program that calls the library leaves out, and what it must not say. */

import { PullamaError } from "../core/errors.ts";
import type { LibraryOptions } from "../mod.ts";
import { modelsDir, type PullOptions } from "./options.ts";

/** Complete options. Throws `usage` for a number that makes no sense. */
export function pullOptionsFor(options: LibraryOptions): PullOptions {
  const { limitRate, retryForMs, caCert } = options;
  return {
    modelsDir: options.modelsDir ??
      modelsDir(undefined, { env: (name) => Deno.env.get(name), os: Deno.build.os }),
    insecure: options.insecure ?? false,
    maxRetries: checked("maxRetries", options.maxRetries ?? 6, 0, 10_000),
    chunkSize: checked("chunkSize", options.chunkSize ?? 2 ** 26, 2 ** 16, 2 ** 50),
    timeoutMs: checked("timeoutMs", options.timeoutMs ?? 30 * 60_000, 1, 2 ** 31 - 1),
    connections: checked("connections", options.connections ?? 4, 1, 64),
    force: options.force ?? false,
    dryRun: false,
    ...(limitRate !== undefined && { limitRate: checked("limitRate", limitRate, 1, 2 ** 50) }),
    ...(retryForMs !== undefined && { retryForMs }),
    ...(caCert !== undefined && { caCert }),
  };
}

function checked(what: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new PullamaError("usage", `${what} cannot be ${value}: a whole number is needed`, {
    hint: `from ${least} to ${most}`,
  });
}
