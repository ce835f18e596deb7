/** The result of `clean`: a line for each kind of file, or a document. */

import type { CleanItem, CleanKind, CleanReport, LeftItem } from "../../core/reports/clean.ts";
import { displayName, fullName } from "../../core/name.ts";
import { formatSize } from "../../core/units.ts";
import { inspectText, jsonText } from "../text/json.ts";
import { glyphs } from "../terminal/draw.ts";
import { oneLine } from "../text/redact.ts";
import type { RmView } from "./rm.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { counted } from "../text/numbers.ts";

/** What a kind is called if the model is unknown. */
const THINGS: Readonly<Record<CleanKind, string>> = {
  unfinished: "partial downloads of unknown models",
  damaged: "damaged files",
  temporary: "temporary files",
  records: "lock and state files",
  queue: "the queue",
};

/** The report for `out`, by mode. */
export function cleanText(
  report: CleanReport,
  out: Terminal,
  { mode, quiet }: RmView,
): string {
  if (mode === "json") return jsonText(cleanDocument(report));
  if (mode === "debug") return inspectText(cleanDocument(report), out.color);
  const { separator } = glyphs(out.unicode);
  const { dryRun, removed, left } = report;
  const all = summed(removed);
  const total = all.files === 0
    ? ["nothing to clean"]
    : [`${dryRun ? "would free" : "freed"} ${formatSize(all.bytes)}`, counted(all.files, "file")];
  if (quiet) {
    const kept = summed(left).files;
    return line([...total, ...(kept > 0 ? [`${counted(kept, "file")} kept`] : [])], separator);
  }
  const removes = dryRun ? "would remove" : "removed";
  const keeps = dryRun ? "would keep" : "kept";
  const lines = [
    ...grouped(removed).map((items) => [`${removes} ${thing(items[0]!)}`, ...sizes(items)]),
    ...grouped(left).map((
      items,
    ) => [`${keeps} ${thing(items[0]!)}`, ...sizes(items), reason(items[0]!)]),
    total,
  ];
  return lines.map((parts) => line(parts, separator)).join("");
}

/** Items of the same kind and the same models, kept for the same reason if they are kept. */
function grouped<Item extends CleanItem & Partial<LeftItem>>(items: readonly Item[]): Item[][] {
  const key = ({ kind, models, why, holder }: Item) =>
    JSON.stringify([kind, kind === "records" ? [] : models.map(fullName), why, holder]);
  return [...Map.groupBy(items, key).values()];
}

function thing({ kind, models }: CleanItem): string {
  if (models.length === 0 || kind === "records") return THINGS[kind];
  const names = models.map(displayName).join(", ");
  return `${kind === "unfinished" ? "partial downloads" : THINGS[kind]} of ${names}`;
}

function reason({ why, holder, models }: LeftItem): string {
  switch (why) {
    case "busy":
      return holder === undefined ? "in use" : `in use by ${oneLine(holder)}`;
    case "wanted":
      return `needed by ${models.map(displayName).join(", ")}`;
    case "young":
      return "not old enough";
    case "unknown":
      return "to remove them, run: pullama clean";
    default:
      return why satisfies never;
  }
}

function sizes(items: readonly CleanItem[]): string[] {
  const { files, bytes } = summed(items);
  return [counted(files, "file"), formatSize(bytes)];
}

function summed(items: readonly CleanItem[]): { files: number; bytes: number } {
  return {
    files: items.reduce((sum, { files }) => sum + files, 0),
    bytes: items.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function line(parts: readonly string[], separator: string): string {
  return `${parts.join(separator)}\n`;
}

function cleanDocument({ dryRun, removed, left }: CleanReport): unknown {
  const { files, bytes } = summed(removed);
  const item = ({ kind, models, digest, files, bytes }: CleanItem) => ({
    kind,
    models: models.map(displayName),
    ...(digest && { digest }),
    files,
    bytes,
  });
  return {
    dry_run: dryRun,
    removed: removed.map(item),
    left: left.map((one) => ({
      ...item(one),
      why: one.why,
      ...(one.holder !== undefined && { holder: oneLine(one.holder) }),
    })),
    files,
    freed_bytes: bytes,
  };
}
