/** `push`: lines for people. */

import { shortId } from "../../core/digest.ts";
import type { Descriptor } from "../../core/manifest.ts";
import { displayName } from "../../core/name.ts";
import type { PushEvent, PushPlan, PushSummary } from "../../core/reports/push.ts";
import { formatDuration, formatSize } from "../../core/units.ts";
import { glyphs } from "../terminal/draw.ts";
import { paintWith } from "../terminal/paint.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { counted, percentOf } from "../text/numbers.ts";
import { showable } from "../text/redact.ts";
import { retryText, waitingText } from "../text/waits.ts";

/** The capabilities of the terminal that a line depends on. */
type Screen = Pick<Terminal, "unicode" | "color">;

/** Bytes of a blob that has lines of its own without --verbose. */
const NOTABLE = 4 * 1024 * 1024;

/** A line for an event; undefined: it has none. */
export function pushLine(event: PushEvent, screen: Screen, verbose: boolean): string | undefined {
  const { separator, done, begin, note, problem, cached } = glyphs(screen.unicode);
  const { mark } = paintWith(screen.color);
  const marked = (sign: string, ...parts: string[]) => `${sign} ${showable(parts.join(separator))}`;
  const isShown = (blob: Descriptor) => verbose || blob.size >= NOTABLE;
  switch (event.event) {
    case "push_start":
      return marked(mark.begin(begin), `pushing ${displayName(event.name)} to ${event.place}`);
    case "push_manifest": {
      const { blobs, size, there, replaces } = event;
      const has = there > 0 ? [`${formatSize(there)} there`] : [];
      const old = replaces === undefined ? [] : [`replaces ${shortId(replaces)} there`];
      const all = ["manifest", counted(blobs, "blob"), formatSize(size), ...has, ...old];
      return marked(mark.done(done), ...all);
    }
    case "upload_start": {
      if (!isShown(event.blob)) return undefined;
      const blob = sized(event.blob);
      if (event.kept === 0) return marked(mark.begin(begin), `sending ${blob}`);
      const share = `${percentOf(event.kept, event.blob.size)}%`;
      // Hashing tens of gigabytes takes a minute.
      const text = `resuming at ${share}, ${formatSize(event.kept)} there, hashing that here`;
      return marked(mark.begin(begin), blob, text);
    }
    case "blob_mounted": {
      const text = `mounted ${sized(event.blob)} from ${displayName(event.from)}`;
      return isShown(event.blob) ? marked(mark.cached(cached), text) : undefined;
    }
    case "blob_pushed": {
      const text = `sent ${shortId(event.blob.digest)} (${formatDuration(event.elapsedMs)})`;
      return isShown(event.blob) ? marked(mark.done(done), text) : undefined;
    }
    case "upload_lost": {
      const text = `${formatSize(event.count)} to send again: the registry forgot the upload`;
      return marked(mark.problem(problem), `${shortId(event.blob.digest)} ${text}`);
    }
    case "manifest_pushed": {
      const what = event.wasThere ? "the manifest was there" : "manifest pushed";
      return marked(mark.done(done), what, shortId(event.digest));
    }
    case "retry": {
      const about = event.digest === undefined ? "" : `${shortId(event.digest)} `;
      return marked(mark.problem(problem), about + retryText(event, event.waitMs));
    }
    case "waiting":
      return marked(mark.problem(problem), waitingText(event.sinceMs, event.error));
    case "request": {
      if (!verbose) return undefined;
      const took = `${Math.round(event.elapsedMs)} ms`;
      return marked(mark.note(note), `${event.method} ${event.url}`, `${event.status}`, took);
    }
    case "note":
      return verbose ? marked(mark.note(note), event.message) : undefined;
    default:
      return undefined;
  }
}

/** `pushed llama3.2:latest to http://10.0.0.5:5000/library/llama3.2`, and how much that was. */
export function pushSummary(summary: PushSummary, screen: Screen): string {
  const { separator, done } = glyphs(screen.unicode);
  const { mark } = paintWith(screen.color);
  const { name, place, digest, blobs, size, sent, mounted, elapsedMs } = summary;
  const more = [
    shortId(digest),
    counted(blobs, "blob"),
    formatSize(size),
    `${formatSize(sent)} sent`,
    ...(mounted > 0 ? [`${formatSize(mounted)} mounted`] : []),
    formatDuration(elapsedMs),
  ].join(separator);
  const text = `pushed ${displayName(name)} to ${place}`;
  return `${mark.done(done)} ${showable(text)}\n  ${more}\n`;
}

/** What a push would send. */
export function pushPlanText(plan: PushPlan, screen: Screen): string {
  const { separator, note } = glyphs(screen.unicode);
  const { mark } = paintWith(screen.color);
  const { name, place, blobs, size, toSend, mounted } = plan;
  const there = size - toSend - mounted;
  const more = [
    counted(blobs, "blob"),
    formatSize(size),
    `${formatSize(there)} there`,
    ...(mounted > 0 ? [`${formatSize(mounted)} to mount`] : []),
    `${formatSize(toSend)} to send`,
  ].join(separator);
  const text = `${displayName(name)} to ${place}`;
  const rows = plan.all.filter(({ by }) => by !== "there")
    .map(({ blob, by }) => `    ${by} ${sized(blob)}\n`);
  return `${mark.note(note)} ${showable(text)}\n  ${more}\n${rows.join("")}`;
}

function sized({ digest, size }: Descriptor): string {
  return `${shortId(digest)} ${formatSize(size)}`;
}
