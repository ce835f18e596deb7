/** Outdated models as a table, as names, or as a document. */

import { shortId } from "../../core/digest.ts";
import { displayName, fullName } from "../../core/name.ts";
import type { ComparedModel, OutdatedReport } from "../../core/reports/outdated.ts";
import { formatSize } from "../../core/units.ts";
import { columnsText } from "../text/columns.ts";
import { inspectText, jsonText } from "../text/json.ts";
import { counted } from "../text/numbers.ts";
import type { Mode } from "../mode.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { eventText, type EventView } from "./event.ts";

export interface OutdatedView {
  readonly mode: Mode;
  /** Only the names of outdated models, with table and compact. */
  readonly quiet: boolean;
  /** Also models that are up to date. */
  readonly verbose: boolean;
}

const HEADER = ["NAME", "INSTALLED", "AVAILABLE", "TO DOWNLOAD"];
const WORDS = { current: "up to date", unknown: "not in the registry", failed: "not known" };

/** The report for `out`, by mode. Names are not truncated in a pipe. */
export function outdatedText(report: OutdatedReport, out: Terminal, view: OutdatedView): string {
  const { mode, quiet, verbose } = view;
  if (mode === "json") return jsonText(outdatedDocument(report));
  if (mode === "debug") return inspectText(outdatedDocument(report), out.color);
  const { models } = report;
  if (quiet) return outdated(models).map(({ name }) => `${displayName(name)}\n`).join("");
  const shown = models.filter(({ comparison }) => verbose || comparison.status !== "current");
  if (shown.length === 0) return "";
  const cells = out.interactive ? out.columns() : Infinity;
  const header = mode === "compact" ? [] : HEADER;
  return columnsText(header, shown.map(rowOf), cells, { ascii: !out.unicode });
}

/** An event for each model that is up to date, for programs. */
export function currentText(
  { models }: OutdatedReport,
  out: Terminal,
  { mode, date }: Omit<EventView, "color">,
): string {
  return models.filter(({ comparison }) => comparison.status === "current").map((model) => {
    const { name, installed } = model;
    const fields = { Model: name.model, Tag: name.tag, Name: fullName(name), Digest: installed };
    return eventText("current", fields, { mode, color: out.color, date });
  }).join("");
}

/** How many are outdated, in one sentence for people. */
export function outdatedSummary({ models }: OutdatedReport): string {
  if (models.length === 0) return "no models to compare\n";
  const found = outdated(models);
  const bytes = found.reduce(
    (sum, { comparison }) => comparison.status === "outdated" ? sum + comparison.toDownload : sum,
    0,
  );
  const unclear = models.filter(({ comparison }) =>
    comparison.status === "unknown" || comparison.status === "failed"
  );
  const all = counted(models.length, "model");
  const said = found.length > 0
    ? `${found.length} of ${all} outdated, ${formatSize(bytes)} to download`
    : unclear.length > 0
    ? `none of ${all} known to be outdated`
    : `${all} up to date`;
  return `${said}\n`;
}

function outdated(models: readonly ComparedModel[]): readonly ComparedModel[] {
  return models.filter(({ comparison }) => comparison.status === "outdated");
}

function rowOf({ name, installed, comparison }: ComparedModel): string[] {
  const own = [displayName(name), shortId(installed)];
  return comparison.status === "outdated"
    ? [...own, shortId(comparison.available), formatSize(comparison.toDownload)]
    : [...own, WORDS[comparison.status], "-"];
}

function outdatedDocument({ models, notInstalled }: OutdatedReport): unknown {
  return {
    models: models.map(({ name, installed, comparison }) => ({
      name: displayName(name),
      full_name: fullName(name),
      status: comparison.status,
      installed,
      ...(comparison.status === "outdated" && {
        available: comparison.available,
        to_download: comparison.toDownload,
      }),
      ...("error" in comparison && {
        kind: comparison.error.kind,
        message: comparison.error.message,
      }),
    })),
    not_installed: notInstalled.map(fullName),
  };
}
