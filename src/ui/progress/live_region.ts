/**
 * The lines that are redrawn in place below a frame: overall progress, and the blobs in progress.
 */

import type { Glyphs } from "../terminal/draw.ts";
import { activeBlobSegments, waitReasonOf } from "./active_blob_line.ts";
import type { ActiveBlob, Overall } from "./active_blob.ts";
import type { ActiveBlobs } from "./active_blobs.ts";
import { type Paint, painted, type Segment } from "../terminal/paint.ts";
import type { Progress } from "./progress.ts";
import { progressSegments } from "./progress_line.ts";
import { counted, grouped, seconds } from "../text/numbers.ts";
import { lockText, retryText, waitingText } from "../text/waits.ts";

/**
 * Most blobs of a model with more than this many have no line; the number of finished ones is
 * shown.
 */
const MANY = 20;
/** Blobs with a line of their own; the others are counted. */
const MOST_LINES = 6;
/** A blob that finishes sooner has no line, so that lines do not flicker. */
const NOTICED_MS = 300;
/** When a pending response is shown. */
const SLOW_MS = 1_000;

export interface LiveRegion {
  readonly progress: Progress;
  readonly activeBlobs: ActiveBlobs;
  /** Milliseconds of the clock of `activeBlobs`. */
  readonly now: number;
  /** The registry that the manifest is requested from. */
  readonly host: string;
}

/** At most `rows` lines of at most `cells` cells, the most important first. */
export function liveRegionLines(
  view: LiveRegion,
  cells: number,
  rows: number,
  g: Glyphs,
  paint: Paint,
): string[] {
  const { progress, activeBlobs, now } = view;
  const inner = cells - 2;
  const problem = problemOf(activeBlobs.overall, now);
  const lines: (readonly Segment[])[] = [
    progress.total === undefined
      ? requestSegments(view, g)
      : progressSegments(progress, inner, g, paint),
    ...(problem === undefined
      ? []
      : [[[`${g.problem} `, paint.mark.problem], [problem]] satisfies Segment[]]),
  ];
  const room = Math.max(0, Math.min(MOST_LINES, rows - lines.length - 1));
  const noticed = [...activeBlobs.all()].filter((active) => isNoticed(active, activeBlobs, now));
  const shown = mostImportant(noticed, room, activeBlobs, now);
  for (const active of shown) {
    lines.push([
      ["  "],
      ...activeBlobSegments(active, activeBlobs.overall, now, inner - 2, g, paint),
    ]);
  }
  const rest = restText(activeBlobs, noticed.length, shown.length, g);
  if (rest !== undefined) lines.push([["  "], [rest, paint.faint]]);
  return lines.filter((line) => line.length > 0).slice(0, rows)
    .map((line) => `${g.frame.down} ${painted(line, inner, g)}`);
}

/** Empty until the response has taken SLOW_MS. */
function requestSegments({ activeBlobs, now, host }: LiveRegion, g: Glyphs): Segment[] {
  const elapsed = now - activeBlobs.overall.since;
  if (elapsed < SLOW_MS) return [];
  const time = seconds(Math.floor(elapsed / 1_000) * 1_000);
  return [[[`waiting for ${host}`, time].join(g.separator)]];
}

function problemOf({ gone, retry, lock }: Overall, now: number): string | undefined {
  if (gone !== undefined) return waitingText(now - gone.since, gone.error);
  if (lock !== undefined) return lockText(lock.holder);
  if (retry === undefined) return undefined;
  return retryText(retry.event, Math.ceil(Math.max(0, retry.until - now) / 1_000) * 1_000);
}

function isNoticed(active: ActiveBlob, activeBlobs: ActiveBlobs, now: number): boolean {
  if (waitReasonOf(active, activeBlobs.overall, now) !== undefined) return true;
  return now - active.since >= NOTICED_MS && activeBlobs.named(active);
}

/** If there is not room for all, blocked blobs are preferred; the order is kept. */
function mostImportant(
  noticed: readonly ActiveBlob[],
  room: number,
  activeBlobs: ActiveBlobs,
  now: number,
): readonly ActiveBlob[] {
  if (noticed.length <= room) return noticed;
  const blocked = (active: ActiveBlob) =>
    waitReasonOf(active, activeBlobs.overall, now) !== undefined;
  const chosen = new Set(
    [...noticed.filter(blocked), ...noticed.filter((active) => !blocked(active))].slice(0, room),
  );
  return noticed.filter((active) => chosen.has(active));
}

/** How many blobs are done if most have no line, and how many more are in progress. */
function restText(
  activeBlobs: ActiveBlobs,
  noticed: number,
  shown: number,
  g: Glyphs,
): string | undefined {
  const { overall: { blobs }, finished } = activeBlobs;
  const many = blobs > MANY && finished < blobs;
  const hidden = (many ? activeBlobs.count : noticed) - shown;
  const parts = [
    ...(many ? [`${grouped(finished)} of ${counted(blobs, "blob")} done`] : []),
    ...(hidden > 0 ? [`${grouped(hidden)} more in progress`] : []),
  ];
  return parts.length > 0 ? parts.join(g.separator) : undefined;
}
