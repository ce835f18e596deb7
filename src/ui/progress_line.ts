/** How far a pull is, on one line. */

import { shortId } from "../core/digest.ts";
import { formatDuration, formatRate, formatSize } from "../core/units.ts";
import { bar, fit, type Glyphs, width } from "./draw.ts";
import type { Progress, Verifying } from "./progress.ts";

const BAR_CELLS = 29;
const SHORTEST_BAR = 8;

/** A line of at most `cells`: a bar and as much about it as there is room for. */
export function progressLine(progress: Progress, cells: number, g: Glyphs): string {
  const parts = partsOf(progress);
  for (let count = parts.length; count > 0; count--) {
    const text = parts.slice(0, count).join(g.separator);
    const room = cells - width(text) - "[] ".length;
    if (room >= SHORTEST_BAR) {
      const share = progress.total ? progress.done / progress.total : 1;
      return `[${bar(share, Math.min(BAR_CELLS, room), g)}] ${text}`;
    }
  }
  return fit(parts[0] ?? "", cells, g);
}

/** The same for a log: without a bar. */
export function progressText(progress: Progress, g: Glyphs): string {
  return partsOf(progress).join(g.separator);
}

/** The most important first. */
function partsOf(progress: Progress): string[] {
  const { done, total = 0, percent, verifying } = progress;
  const rate = progress.rate();
  const eta = percent < 100 ? progress.etaMs() : undefined;
  return [
    `${percent}%`.padStart(3) + `  ${formatSize(done)}/${formatSize(total)}`,
    ...(rate === undefined ? [] : [formatRate(rate)]),
    ...(eta === undefined ? [] : [`eta ${formatDuration(Math.max(1_000, eta))}`]),
    ...(verifying === undefined ? [] : [`verifying ${share(verifying)}`]),
  ];
}

function share(file: Verifying): string {
  return `${shortId(file.digest)} ${Math.floor(file.done / file.size * 100)}%`;
}
