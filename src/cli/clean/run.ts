/** `pullama clean`: removes what unfinished pulls left, and reports the space freed. */

import type { CleanReport } from "../../core/reports/clean.ts";
import { type ModelName, parseName } from "../../core/name.ts";
import { modelsDir } from "../../setup/models_dir.ts";
import { cleanText } from "../../ui/reports/clean.ts";
import { type Host, outputs } from "../host/host.ts";
import { displayOptions, type FolderFlags } from "../args/options.ts";

/** The dependencies of this command. */
export interface CleanWire {
  readonly cleanFolder: (
    modelsDir: string,
    options: {
      readonly models: readonly ModelName[];
      readonly dryRun: boolean;
      readonly queue: boolean;
      readonly before?: number | undefined;
      readonly signal: AbortSignal;
    },
  ) => Promise<CleanReport>;
}

/** The parsed flags of this command. */
export interface CleanFlags extends FolderFlags {
  readonly dryRun?: true | undefined;
  readonly queue?: true | undefined;
  /** Milliseconds. */
  readonly olderThan?: number | undefined;
}

/**
 * Removes what pulls of `models` left, given as on the command line; that of all models if it is
 * empty.
 */
export async function runClean(
  models: readonly string[],
  flags: CleanFlags,
  host: Host,
  wire: CleanWire,
): Promise<void> {
  const { mode, quiet, color } = displayOptions(flags);
  const { out } = outputs(host, color);
  const { olderThan } = flags;
  const report = await wire.cleanFolder(modelsDir(flags.modelsDir, host), {
    models: models.map(parseName),
    dryRun: flags.dryRun ?? false,
    queue: flags.queue ?? false,
    ...(olderThan !== undefined && { before: host.clock.date().getTime() - olderThan }),
    signal: host.stop.soft,
  });
  out.write(cleanText(report, out, { mode, quiet }));
}
