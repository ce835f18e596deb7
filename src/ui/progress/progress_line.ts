/** Progress on one line. */

import { shortId } from "../../core/digest.ts";
import { formatDuration, formatRate, formatSize } from "../../core/units.ts";
import { barParts, type Glyphs, width } from "../terminal/draw.ts";
import type { Paint, Segment } from "../terminal/paint.ts";
import type { ShownProgress } from "./byte_progress.ts";
import type { Verifying } from "./progress.ts";
import { percentOf } from "../text/numbers.ts";

const BAR_CELLS = 29;
const SHORTEST_BAR = 8;

/** The segments of a line of about `cells` cells: a bar, and as many parts as there is room for. */
export function progressSegments(
  progress: ShownProgress,
  cells: number,
  g: Glyphs,
  paint: Paint,
): Segment[] {
  const parts = partsOf(progress);
  for (let count = parts.length; count > 0; count--) {
    const rest = parts.slice(1, count).map((part) => g.separator + part).join("");
    const room = cells - width(parts[0] + rest) - "[] ".length;
    if (room >= SHORTEST_BAR) {
      const share = progress.total ? progress.done / progress.total : 1;
      const [filled, empty] = barParts(share, Math.min(BAR_CELLS, room), g);
      return [["["], [filled, paint.filled], [empty, paint.empty], ["] "], [parts[0]], [rest]];
    }
  }
  return [[parts[0]]];
}

/** The same for a log, without a bar. */
export function progressText(progress: ShownProgress, g: Glyphs): string {
  return partsOf(progress).join(g.separator);
}

/** The most important first. */
function partsOf(progress: ShownProgress): [string, ...string[]] {
  const { done, total, percent, verifying } = progress;
  const rate = progress.rate();
  const eta = percent < 100 ? progress.steadyEtaMs() : undefined;
  const share = `${percent}%`.padStart(3) + `  ${formatSize(done)}/${formatSize(total ?? 0)}`;
  return [
    total === undefined ? formatSize(done) : share,
    ...(rate === undefined ? [] : [formatRate(rate)]),
    ...(eta === undefined ? [] : [`eta ${formatDuration(Math.max(1_000, eta))}`]),
    ...(verifying === undefined ? [] : [`verifying ${shareOf(verifying)}`]),
  ];
}

function shareOf(file: Verifying): string {
  return `${shortId(file.digest)} ${percentOf(file.done, file.size)}%`;
}
