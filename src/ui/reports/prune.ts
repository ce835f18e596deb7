/** The result of `prune`: a line for each blob, or a document. */

import { shortId } from "../../core/digest.ts";
import type { PruneReport, UnusedBlob } from "../../core/reports/prune.ts";
import { formatSize } from "../../core/units.ts";
import { inspectText, jsonText } from "../text/json.ts";
import { counted } from "../text/numbers.ts";
import { glyphs } from "../terminal/draw.ts";
import type { Terminal } from "../terminal/terminal.ts";
import type { RmView } from "./rm.ts";

/** The report for `out`, by mode. */
export function pruneText(report: PruneReport, out: Terminal, { mode, quiet }: RmView): string {
  if (mode === "json") return jsonText(pruneDocument(report));
  if (mode === "debug") return inspectText(pruneDocument(report), out.color);
  const { separator } = glyphs(out.unicode);
  const { dryRun, removed, kept } = report;
  const removes = dryRun ? "would remove" : "removed";
  const lines = removed.map(({ digest, bytes }) => [
    `${removes} ${shortId(digest)}`,
    formatSize(bytes),
  ]);
  const keeps = dryRun ? "would keep" : "kept";
  const left = [
    `${keeps} ${counted(kept.length, "blob")} written in the last hour`,
    formatSize(bytesOf(kept)),
    "--all removes it as well",
  ];
  const total = removed.length === 0 ? ["nothing to prune"] : [
    `${dryRun ? "would free" : "freed"} ${formatSize(bytesOf(removed))}`,
    counted(removed.length, "blob"),
  ];
  const all = [...(quiet ? [] : lines), ...(kept.length > 0 && !quiet ? [left] : []), total];
  return all.map((parts) => `${parts.join(separator)}\n`).join("");
}

function bytesOf(blobs: readonly UnusedBlob[]): number {
  return blobs.reduce((sum, { bytes }) => sum + bytes, 0);
}

function pruneDocument({ dryRun, removed, kept }: PruneReport): unknown {
  const blob = ({ digest, bytes }: UnusedBlob) => ({ digest, bytes });
  return {
    dry_run: dryRun,
    removed: removed.map(blob),
    kept: kept.map(blob),
    freed_bytes: bytesOf(removed),
  };
}
