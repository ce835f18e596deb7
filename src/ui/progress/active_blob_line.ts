/** Progress of one blob, or what it waits for, on one line. */

import { shortId } from "../../core/digest.ts";
import { formatSize } from "../../core/units.ts";
import { barParts, type Glyphs, width } from "../terminal/draw.ts";
import type { ActiveBlob, Overall } from "./active_blob.ts";
import type { Paint, Segment } from "../terminal/paint.ts";
import { counted, percentOf, seconds } from "../text/numbers.ts";
import { lockText, retryText, stallText } from "../text/waits.ts";

const BAR_CELLS = 12;
/** Narrower lines have no bar. */
const WITH_BAR = 60;
/** When missing data is reported, and how long a `verifying` event is valid. Milliseconds. */
const SILENT_MS = 5_000;
const HASHING_MS = 5_000;

/** What a blob waits for; undefined if it makes progress. */
export function waitReasonOf(
  active: ActiveBlob,
  overall: Overall,
  now: number,
): string | undefined {
  const { lock, retry, stalled } = active;
  if (lock !== undefined) return lockText(lock.holder);
  if (overall.gone !== undefined) return undefined;
  const waitMs = retry === undefined ? 0 : wholeSeconds(retry.until - now);
  if (stalled !== undefined) {
    const { attempt = 1, limit = Infinity } = retry?.event ?? {};
    if (retry === undefined || waitMs === 0) return stallText(stalled);
    const of = Number.isFinite(limit) ? `/${limit}` : "";
    return `${stallText(stalled)} in ${seconds(waitMs)} (${attempt}${of})`;
  }
  return retry === undefined ? undefined : retryText(retry.event, waitMs);
}

/** The segments of a line of about `cells` cells. */
export function activeBlobSegments(
  active: ActiveBlob,
  overall: Overall,
  now: number,
  cells: number,
  g: Glyphs,
  paint: Paint,
): Segment[] {
  const { done, blob } = active;
  const hashing = checkedNow(active, now);
  const whole = blob?.size ?? hashing?.size ?? 0;
  const part = hashing?.done ?? done;
  const id = `${shortId(active.digest)} `;
  const waitReason = waitReasonOf(active, overall, now);
  const segments: Segment[] = [[id]];
  if (whole > 0) {
    if (cells >= WITH_BAR) {
      const [filled, empty] = barParts(part / whole, BAR_CELLS, g);
      segments.push([filled, paint.filled], [empty, paint.empty], [" "]);
    }
    segments.push([`${percentOf(part, whole)}%`.padStart(4) + "  "]);
  }
  if (waitReason !== undefined) {
    return [...segments, [`${g.problem} `, paint.mark.problem], [waitReason]];
  }
  const size = whole > 0 ? [`${formatSize(part)}/${formatSize(whole)}`] : [];
  const state = hashing === undefined ? stateOf(active, overall, now) : "verifying";
  const parts = state === "" ? size : [...size, state];
  const room = cells - width(segments.map(([text]) => text).join(""));
  while (parts.length > 0 && width(parts.join(g.separator)) > room) parts.pop();
  return [...segments, [parts.join(g.separator)]];
}

function stateOf(
  { blob, done, connections, movedAt }: ActiveBlob,
  overall: Overall,
  now: number,
): string {
  if (blob === undefined) return "";
  if (done >= blob.size) return "verifying";
  if (overall.counted && connections === 0) return "waiting";
  const silentMs = now - movedAt;
  if (silentMs >= SILENT_MS) {
    return `no data received for ${seconds(Math.floor(silentMs / 1_000) * 1_000)}`;
  }
  return overall.counted ? counted(connections, "connection") : "";
}

function checkedNow({ checked }: ActiveBlob, now: number): ActiveBlob["checked"] {
  return checked !== undefined && now - checked.at < HASHING_MS ? checked : undefined;
}

function wholeSeconds(ms: number): number {
  return Math.ceil(Math.max(0, ms) / 1_000) * 1_000;
}
