/** `pullama update`: pulls installed models that have changed in their registries. */

import { exitCodeOfFirst, PullamaError } from "../../core/errors.ts";
import { displayName } from "../../core/name.ts";
import type { Stop } from "../../core/stop.ts";
import type { OutdatedReport } from "../../core/reports/outdated.ts";
import { currentText, outdatedSummary, outdatedText } from "../../ui/reports/outdated.ts";
import { interruptedText } from "../../ui/text/message.ts";
import { type DisplayFlags, displayOptions, modelsDirWarnings } from "../args/options.ts";
import { repeatPullFlags } from "../args/repeat_flags.ts";
import { type Host, outputs } from "../host/host.ts";
import { compareAll, reportFailures } from "../outdated/compare.ts";
import type { PullWire } from "../pull/command.ts";
import { type PullFlags, pullOptions } from "../pull/options.ts";
import { createPuller } from "../pull/puller.ts";
import { runPull } from "../pull/run.ts";

/** The parsed flags of this command. */
export interface UpdateFlags extends PullFlags, DisplayFlags {
  readonly all?: true | undefined;
}

/** Updates the given models, or all. Returns the exit code of the first failure, or 0. */
export async function runUpdate(
  given: readonly string[],
  flags: UpdateFlags,
  host: Host,
  wire: PullWire,
): Promise<number> {
  if ((given.length > 0) === (flags.all ?? false)) {
    throw new PullamaError("usage", "name the models to update, or --all for all of them", {
      hint: "see what has changed with: pullama outdated",
    });
  }
  const display = displayOptions(flags);
  const { out, err } = outputs(host, display.color);
  const people = display.mode === "table" || display.mode === "compact";
  const repeatFlags = repeatPullFlags(flags, host);
  const options = pullOptions(flags, host);
  const parts = {
    options,
    display,
    commands: [],
    host,
    openEngine: (stop: Stop) => wire.openEngine(options, stop),
    openModels: wire.openModels,
  };
  let report: OutdatedReport;
  try {
    report = await compareAll(given, flags, host, wire);
  } catch (error) {
    if (!host.stop.soft.aborted) throw error;
    await using puller = createPuller(parts);
    for (const name of given) puller.leave(name);
    err.write(interruptedText([["update", ...given].join(" ") + all(flags) + repeatFlags], err));
    return 0;
  }
  const failed = reportFailures(report, given.length > 0, flags, host);
  const models = report.models.flatMap(({ name, comparison }) =>
    comparison.status === "outdated" ? [displayName(name)] : []
  );
  if (people && (flags.dryRun || models.length === 0)) {
    out.write(outdatedText(report, out, display));
    if (!display.quiet) err.write(outdatedSummary(report));
    return exitCodeOfFirst(failed);
  }
  if (!display.quiet) out.write(currentText(report, out, { ...display, date: host.clock.date() }));
  return await runPull({
    ...parts,
    models,
    failed,
    notify: flags.notify ?? false,
    warnings: modelsDirWarnings(flags.modelsDir, host),
    repeatFlags,
  });
}

function all(flags: UpdateFlags): string {
  return flags.all ? " --all" : "";
}
