/** Shows what is being pulled in a models folder, and changes what holds for all of it. */

import { fullName } from "../../core/name.ts";
import type { PartialModel } from "../../core/reports/partial.ts";
import type { RunningPull, StatusReport } from "../../core/reports/status.ts";
import { systemClock } from "../../io/clock.ts";
import { modelsDir } from "../../setup/models_dir.ts";
import { settingsText, statusText } from "../../ui/reports/status.ts";
import type { FolderFlags } from "../args/options.ts";
import { repeatFolderFlags } from "../args/repeat_flags.ts";
import { type Host, outputs } from "../host/host.ts";
import type { ModelsWire } from "../host/models_wire.ts";
import type { InstalledModels } from "../../setup/models.ts";

/** The dependencies of these commands. */
export interface ControlWire extends ModelsWire {
  /** Sets the rate of all pulls, in bytes per second; undefined: as each was started. */
  readonly limitPulls: (modelsDir: string, rate: number | undefined) => Promise<void>;
  readonly pausePulls: (modelsDir: string, paused: boolean) => Promise<void>;
}

/** Milliseconds between the two looks that a rate is measured with. */
const BETWEEN_MS = 1000;

/** Looks twice, and prints what is being pulled. */
export async function runStatus(
  { modelsDir: given, output, color }: FolderFlags,
  host: Host,
  wire: ModelsWire,
): Promise<void> {
  const { out } = outputs(host, color);
  const repeat = repeatFolderFlags({ modelsDir: given }, host);
  const models = await wire.openModels(modelsDir(given, host));
  const first = await runningIn(models);
  const began = performance.now();
  const { soft } = host.stop;
  if (first.length > 0) await systemClock.sleep(BETWEEN_MS, soft).catch(() => {});
  const seconds = (performance.now() - began) / 1000;
  const second = first.length > 0 ? await runningIn(models) : [];
  const before = new Map(first.flatMap((one) => one.name ? [[fullName(one.name), one]] : []));
  const pulls = second.map((pull): RunningPull => {
    const earlier = pull.name && before.get(fullName(pull.name));
    // A signal leaves too little time for a rate.
    if (!earlier || soft.aborted) return pull;
    return { ...pull, bytesPerSecond: Math.max(0, (pull.kept - earlier.kept) / seconds) };
  });
  const report: StatusReport = { pulls, ...await models.controls() };
  out.write(statusText(report, out, output, repeat));
}

/** Changes something for all pulls, and says what holds now and how many pulls that concerns. */
export async function runControl(
  change: (modelsDir: string) => Promise<void>,
  { modelsDir: given, output, quiet, color }: FolderFlags,
  host: Host,
  wire: ModelsWire,
): Promise<void> {
  const { out } = outputs(host, color);
  const repeat = repeatFolderFlags({ modelsDir: given }, host);
  const folder = modelsDir(given, host);
  await change(folder);
  const models = await wire.openModels(folder);
  const report: StatusReport = { pulls: await runningIn(models), ...await models.controls() };
  if (output === "json" || output === "debug") {
    return out.write(statusText(report, out, output, repeat));
  }
  if (quiet) return;
  const { rate, paused, pulls } = report;
  const free = rate === undefined && !paused ? "nothing is set for the pulls of this folder\n" : "";
  const running = pulls.length === 1
    ? "1 pull is running\n"
    : `${pulls.length} pulls are running\n`;
  out.write(free + settingsText(report, repeat) + running);
}

async function runningIn(models: InstalledModels): Promise<readonly PartialModel[]> {
  return (await models.partial()).filter(({ active }) => active);
}
