/** `pullama outdated`: compares installed models with their registries. */

import { exitCodeOfFirst, INTERRUPTED, PullamaError } from "../../core/errors.ts";
import type { OutdatedReport } from "../../core/reports/outdated.ts";
import { outdatedSummary, outdatedText } from "../../ui/reports/outdated.ts";
import { displayOptions } from "../args/options.ts";
import { failureDocument } from "../failure_json.ts";
import { type Host, outputs } from "../host/host.ts";
import type { PullWire } from "../pull/command.ts";
import { compareAll, type OutdatedFlags, reportFailures } from "./compare.ts";

/** Compares the given models, or all. Returns the exit code. */
export async function runOutdated(
  given: readonly string[],
  flags: OutdatedFlags,
  host: Host,
  wire: PullWire,
): Promise<number> {
  const display = displayOptions(flags);
  const { out, err } = outputs(host, display.color);
  let report: OutdatedReport;
  try {
    report = await compareAll(given, flags, host, wire);
  } catch (error) {
    if (!host.stop.soft.aborted) throw error;
    host.err.write("interrupted\n");
    const interrupted = new PullamaError("interrupted", "interrupted before all was compared");
    if (display.mode === "json") out.write(failureDocument(interrupted, INTERRUPTED));
    return INTERRUPTED;
  }
  out.write(outdatedText(report, out, display));
  const people = display.mode === "table" && !display.quiet;
  if (people) err.write(outdatedSummary(report));
  return exitCodeOfFirst(reportFailures(report, given.length > 0, flags, host));
}
