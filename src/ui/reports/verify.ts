/** The results of `verify`: a line for each finding with what to do, a summary, or JSON lines. */

import { shortId } from "../../core/digest.ts";
import { displayName, fullName } from "../../core/name.ts";
import type { Finding, VerifyReport } from "../../core/reports/verify.ts";
import { formatSize } from "../../core/units.ts";
import { glyphs } from "../terminal/draw.ts";
import { paintWith } from "../terminal/paint.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { counted, grouped, percentOf } from "../text/numbers.ts";
import { oneLine, redact, showable } from "../text/redact.ts";
import { eventText, type EventView } from "./event.ts";

/** The capabilities of the terminal that a line depends on. */
type Screen = Pick<Terminal, "unicode" | "color">;

/** A finding and what to do about it. `flags`: those that a suggested command must repeat, after a blank. */
export function findingLines(finding: Finding, flags: string, screen: Screen): string[] {
  const { failed, problem, begin } = glyphs(screen.unicode);
  const { mark } = paintWith(screen.color);
  const sign = finding.kind === "foreign_name" ? mark.problem(problem) : mark.failed(failed);
  const names = finding.models.map(displayName);
  const whose = names.length > 0 ? `${names.join(", ")}: ` : "";
  return [
    `${sign} ${showable(whose + what(finding))}`,
    `  ${mark.begin(begin)} ${showable(remedy(finding, flags))}`,
  ];
}

/** How far reading is. */
export function verifyProgress(done: number, total: number): string {
  return `${percentOf(done, total)}%  ${formatSize(done)}/${formatSize(total)} read`;
}

/** What was checked, and whether all is right. */
export function verifySummary(report: VerifyReport, screen: Screen): string {
  const { models, blobs, bytes, read, problems } = report;
  const { separator } = glyphs(screen.unicode);
  return [
    problems === 0 ? "all right" : counted(problems, "problem"),
    counted(models, "model"),
    counted(blobs, "blob"),
    formatSize(bytes),
    ...(read > 0 ? [`${formatSize(read)} read`] : []),
  ].join(separator);
}

/** The same as an event for programs. */
export function findingDocument(finding: Finding, flags: string, view: EventView): string {
  const { kind, path, models, digest, size, found, actual } = finding;
  return eventText("finding", {
    kind,
    path,
    models: models.map(fullName),
    digest,
    size,
    found,
    actual,
    message: oneLine(redact(what(finding))),
    hint: oneLine(redact(remedy(finding, flags))),
  }, view);
}

export function verifyDocument(report: VerifyReport, view: EventView): string {
  const { models, blobs, bytes, read, problems, notInstalled } = report;
  return eventText("verified", {
    ok: problems === 0 && notInstalled.length === 0,
    models,
    blobs,
    bytes,
    read_bytes: read,
    problems,
    not_installed: notInstalled.map(fullName),
  }, view);
}

function what({ kind, digest, size, found = 0, actual, reason, path }: Finding): string {
  const blob = digest === undefined ? path : `blob ${shortId(digest)}`;
  switch (kind) {
    case "missing":
      return `${blob} is missing`;
    case "wrong_size":
      return `${blob} has ${grouped(found)} bytes instead of ${grouped(size ?? 0)}`;
    case "wrong_digest":
      return `digest mismatch in ${blob}${actual ? `: it is ${shortId(actual)}` : ""}`;
    case "unreadable":
    case "broken_manifest":
    case "foreign_name":
      return reason ?? path;
    default:
      return kind satisfies never;
  }
}

function remedy({ kind, models: [model], path, lost }: Finding, flags: string): string {
  const again = model && `pullama ${displayName(model)}${flags}`;
  switch (kind) {
    case "missing":
    case "wrong_size":
    case "wrong_digest":
      return `download it again with: ${again}`;
    case "broken_manifest":
      return again === undefined
        ? "move the file elsewhere: a server may mistake it for a model"
        : `store it again with: ${again}`;
    case "unreadable":
      return lost
        ? `check the disk, and download it again with: ${again}`
        : `check its permissions, or remove ${path} and run: ${again}`;
    case "foreign_name":
      return "it may be removed";
    default:
      return kind satisfies never;
  }
}
