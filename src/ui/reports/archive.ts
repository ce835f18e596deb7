/** The results of `export` and `import`: lines for people, and events. */

import type { ExportReport } from "../../core/reports/archive.ts";
import { displayName, fullName } from "../../core/name.ts";
import { formatDuration, formatSize } from "../../core/units.ts";
import { glyphs } from "../terminal/draw.ts";
import { paintWith } from "../terminal/paint.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { counted } from "../text/numbers.ts";
import { showable } from "../text/redact.ts";

/** The capabilities of the terminal that a line depends on. */
type Screen = Pick<Terminal, "unicode" | "color">;

/** `exported llama3.2:latest to models.tar`, and how much that was. `place`: where to, for people. */
export function exportSummary(
  report: ExportReport,
  place: string,
  elapsedMs: number,
  screen: Screen,
): string {
  const { models, blobs, skipped, bytes, found, files } = report;
  const { separator, done } = glyphs(screen.unicode);
  const { mark } = paintWith(screen.color);
  const [first, ...others] = models.map(displayName);
  const names = others.length === 0 ? first! : counted(models.length, "model");
  const more = [
    counted(blobs, "blob"),
    ...(skipped > 0 ? [`${skipped} left out`] : []),
    formatSize(bytes),
    ...(found > 0 ? [`${formatSize(found)} from before`] : []),
    ...(files.length > 1 ? [counted(files.length, "file")] : []),
    formatDuration(elapsedMs),
  ].join(separator);
  return `${mark.done(done)} ${showable(`exported ${names} to ${place}`)}\n  ${more}\n`;
}

/** The fields of the event `export_completed`. */
export function exportFields(report: ExportReport, elapsedMs: number): Record<string, unknown> {
  const { models, blobs, skipped, bytes, found, files } = report;
  return {
    Models: models.map(fullName),
    BlobCount: blobs,
    SkippedCount: skipped,
    TotalBytes: bytes,
    KeptBytes: found,
    Files: files,
    ElapsedMs: Math.round(elapsedMs),
  };
}
