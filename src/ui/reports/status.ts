/** What is being pulled in a models folder, and what is set for all of it. */

import { displayName, fullName } from "../../core/name.ts";
import type { RunningPull, StatusReport } from "../../core/reports/status.ts";
import { formatDuration, formatRate, formatSize } from "../../core/units.ts";
import { columnsText } from "../text/columns.ts";
import { inspectText, jsonText } from "../text/json.ts";
import { oneLine } from "../text/redact.ts";
import type { Mode } from "../mode.ts";
import type { Terminal } from "../terminal/terminal.ts";

const HEADER = ["NAME", "PULLED BY", "DONE", "SIZE", "RATE", "ETA"];

/** The report for `out`, by mode. `flags`: those to repeat in suggested commands, after a blank. */
export function statusText(
  report: StatusReport,
  out: Terminal,
  mode: Mode,
  flags: string,
): string {
  if (mode === "json") return jsonText(statusDocument(report));
  if (mode === "debug") return inspectText(statusDocument(report), out.color);
  const { pulls } = report;
  const rows = pulls.map((pull) => rowOf(pull, report));
  const cells = out.interactive ? out.columns() : Infinity;
  const header = mode === "compact" || rows.length === 0 ? [] : HEADER;
  const nothing = pulls.length === 0 ? "nothing is being pulled\n" : "";
  return nothing + columnsText(header, rows, cells, { ascii: !out.unicode }) +
    pulls.map(hoursText).join("") + settingsText(report, flags);
}

/** What is set for the folder, a line each; nothing where nothing is. */
export function settingsText(
  { rate, paused }: Omit<StatusReport, "pulls">,
  flags: string,
): string {
  return [
    paused ? `all pulls of this folder are paused; to continue them: pullama resume${flags}\n` : "",
    rate === undefined
      ? ""
      : `each pull of this folder gets at most ${
        formatRate(rate)
      }; to end that: pullama limit off${flags}\n`,
  ].join("");
}

function rowOf(pull: RunningPull, { paused }: StatusReport): string[] {
  const { name, holder, size, bytesPerSecond } = pull;
  const percent = percentOf(pull);
  const eta = etaOf(pull);
  return [
    name ? displayName(name) : "not known",
    holder ?? "a process",
    percent === undefined ? "-" : `${percent}%`,
    size === undefined ? "-" : formatSize(size),
    paused ? "paused" : bytesPerSecond === undefined ? "-" : formatRate(bytesPerSecond),
    paused || eta === undefined ? "-" : formatDuration(eta * 1000),
  ];
}

function hoursText({ name, hours }: RunningPull): string {
  if (!name || hours === undefined) return "";
  return `${displayName(name)} is downloaded at ${oneLine(hours)} only\n`;
}

function percentOf({ size, done }: RunningPull): number | undefined {
  if (!size || done === undefined) return undefined;
  return Math.floor(done / size * 100);
}

/** Seconds. */
function etaOf({ size, done, bytesPerSecond }: RunningPull): number | undefined {
  if (size === undefined || done === undefined || !bytesPerSecond) return undefined;
  return Math.round((size - done) / bytesPerSecond);
}

function statusDocument(report: StatusReport): unknown {
  return {
    pulls: report.pulls.map((pull) => ({
      name: pull.name && displayName(pull.name),
      full_name: pull.name && fullName(pull.name),
      holder: pull.holder === undefined ? undefined : oneLine(pull.holder),
      pid: pidOf(pull.holder),
      size: pull.size,
      done_bytes: pull.done,
      percent: percentOf(pull),
      bytes_per_second: pull.bytesPerSecond,
      eta_seconds: etaOf(pull),
      window: pull.hours === undefined ? undefined : oneLine(pull.hours),
    })),
    limit_rate: report.rate,
    paused: report.paused,
  };
}

function pidOf(holder: string | undefined): number | undefined {
  const pid = /^pid (\d{1,10}) /.exec(holder ?? "")?.[1];
  return pid === undefined ? undefined : Number(pid);
}
