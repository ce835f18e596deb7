/** The lines under a frame that are drawn again and again: how far everything is, and each blob that is under way. */

import type { Glyphs } from "../terminal/draw.ts";
import { activeBlobSegments, waitReasonOf } from "./active_blob_line.ts";
import type { ActiveBlob, Overall } from "./active_blob.ts";
import type { ActiveBlobs } from "./active_blobs.ts";
import { type Paint, painted, type Segment } from "../terminal/paint.ts";
import type { Progress } from "./progress.ts";
import { progressSegments } from "./progress_line.ts";
import { counted, grouped, seconds } from "../text/numbers.ts";
import { lockText, retryText, waitingText } from "../text/waits.ts";

/** In models of more blobs than this most have no line: it is said how many are done. */
const MANY = 20;
/** More blobs than this are counted. */
const MOST_FLIGHTS = 6;
/** A blob that is over sooner has no line: lines that come and go at once are hard to look at. */
const NOTICED_MS = 300;
/** An answer that takes longer is waited for visibly. */
const SLOW_MS = 1_000;

export interface LiveRegion {
  readonly progress: Progress;
  readonly activeBlobs: ActiveBlobs;
  /** By the clock of `flights`. */
  readonly now: number;
  /** Whom the manifest is asked of. */
  readonly host: string;
}

/** At most `rows` lines of at most `cells`, the most important first. */
export function liveRegionLines(
  view: LiveRegion,
  cells: number,
  rows: number,
  g: Glyphs,
  paint: Paint,
): string[] {
  const { progress, activeBlobs, now } = view;
  const inner = cells - 2;
  const problem = troubleOf(activeBlobs.overall, now);
  const lines: (readonly Segment[])[] = [
    progress.total === undefined
      ? askingSegments(view, g)
      : progressSegments(progress, inner, g, paint),
    ...(problem === undefined
      ? []
      : [[[`${g.problem} `, paint.mark.problem], [problem]] satisfies Segment[]]),
  ];
  const room = Math.max(0, Math.min(MOST_FLIGHTS, rows - lines.length - 1));
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

/** Nothing where the answer comes quickly. */
function askingSegments({ activeBlobs, now, host }: LiveRegion, g: Glyphs): Segment[] {
  const elapsed = now - activeBlobs.overall.since;
  if (elapsed < SLOW_MS) return [];
  const time = seconds(Math.floor(elapsed / 1_000) * 1_000);
  return [[[`asking ${host}`, time].join(g.separator)]];
}

function troubleOf({ gone, retry, lock }: Overall, now: number): string | undefined {
  if (gone !== undefined) return waitingText(now - gone.since, gone.error);
  if (lock !== undefined) return lockText(lock.holder);
  if (retry === undefined) return undefined;
  return retryText(retry.event, Math.ceil(Math.max(0, retry.until - now) / 1_000) * 1_000);
}

function isNoticed(active: ActiveBlob, activeBlobs: ActiveBlobs, now: number): boolean {
  if (waitReasonOf(active, activeBlobs.overall, now) !== undefined) return true;
  return now - active.since >= NOTICED_MS && activeBlobs.named(active);
}

/** What has an obstacle goes first where not all have room; apart from that the order stays. */
function mostImportant(
  noticed: readonly ActiveBlob[],
  room: number,
  activeBlobs: ActiveBlobs,
  now: number,
): readonly ActiveBlob[] {
  if (noticed.length <= room) return noticed;
  const stuck = (active: ActiveBlob) =>
    waitReasonOf(active, activeBlobs.overall, now) !== undefined;
  const chosen = new Set(
    [...noticed.filter(stuck), ...noticed.filter((active) => !stuck(active))].slice(0, room),
  );
  return noticed.filter((active) => chosen.has(active));
}

/** How many blobs are done where most have no line of their own, and how many are under way besides. */
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
    ...(hidden > 0 ? [`${grouped(hidden)} more under way`] : []),
  ];
  return parts.length > 0 ? parts.join(g.separator) : undefined;
}
