/** `pullama prune`: removes blobs that no model uses, and reports the space freed. */

import type { PruneReport } from "../../core/reports/prune.ts";
import { modelsDir } from "../../setup/models_dir.ts";
import { pruneText } from "../../ui/reports/prune.ts";
import { displayOptions, type FolderFlags } from "../args/options.ts";
import { type Host, outputs } from "../host/host.ts";

/** The dependencies of this command. */
export interface PruneWire {
  readonly pruneFolder: (
    modelsDir: string,
    options: { readonly dryRun: boolean; readonly all: boolean },
  ) => Promise<PruneReport>;
}

/** The parsed flags of this command. */
export interface PruneFlags extends FolderFlags {
  readonly dryRun?: true | undefined;
  readonly all?: true | undefined;
}

/** Rejects if nothing may be removed now. */
export async function runPrune(flags: PruneFlags, host: Host, wire: PruneWire): Promise<void> {
  const { mode, quiet, color } = displayOptions(flags);
  const { out } = outputs(host, color);
  const options = { dryRun: flags.dryRun ?? false, all: flags.all ?? false };
  const report = await wire.pruneFolder(modelsDir(flags.modelsDir, host), options);
  out.write(pruneText(report, out, { mode, quiet }));
}
