/** The steps of a pull as text, one line each. */

import { type Digest, shortId } from "../../core/digest.ts";
import type { BlobRef, PullEvent } from "../../core/events.ts";
import { formatDuration, formatSize } from "../../core/units.ts";
import type { Glyphs } from "../terminal/draw.ts";
import type { Mark } from "../terminal/paint.ts";
import { counted, percentOf } from "../text/numbers.ts";
import { lockText, paceText, retryText, stallText, waitingText } from "../text/waits.ts";
import { showable } from "../text/redact.ts";
import { PULL, type Verb } from "./verb.ts";

/** A digest in a URL; the group is its short form. */
const DIGEST = /\b([0-9a-f]{12})[0-9a-f]{52}\b/g;

/** A line: the mark before it, and its text. */
export interface Step {
  readonly mark: Mark;
  readonly text: string;
}

/** The events that have a line of their own. */
export type StepEvent = Extract<
  PullEvent,
  {
    readonly event:
      | "manifest"
      | "blob_cached"
      | "blob_start"
      | "blob_verified"
      | "manifest_written"
      | "retry"
      | "waiting"
      | "stall"
      | "lock_wait"
      | "bytes_lost"
      | "checkpoint"
      | "chunk_start"
      | "connections"
      | "pace"
      | "request"
      | "note";
  }
>;

/** The line for `event`. */
export function stepOf(event: StepEvent, g: Glyphs, verb: Verb = PULL): Step {
  const parts = (...texts: string[]) => texts.join(g.separator);
  switch (event.event) {
    case "manifest": {
      const { blobs, size, kept } = event;
      const onDisk = kept > 0 ? [`${percentOf(kept, size)}% on disk`] : [];
      const old = event.replaces === undefined ? [] : [`replaces ${shortId(event.replaces)}`];
      const word = event.from === undefined ? [] : [`as ${showable(event.from)} has it`];
      const what = [counted(blobs, "blob"), formatSize(size), ...onDisk, ...old, ...word];
      const text = parts("manifest", ...what);
      return { mark: "done", text };
    }
    case "blob_cached":
      return { mark: "cached", text: `cached ${sized(event.blob)}` };
    case "blob_start": {
      const blob = sized(event.blob);
      if (event.kept === 0) return { mark: "begin", text: `${verb.blob} ${blob}` };
      const share = percentOf(event.kept, event.blob.size);
      const text = `resuming at ${share}%, ${formatSize(event.kept)} on disk`;
      return { mark: "begin", text: parts(blob, text) };
    }
    case "blob_verified": {
      const text = `verified ${shortId(event.blob.digest)} (${formatDuration(event.elapsedMs)})`;
      return { mark: "done", text };
    }
    case "manifest_written":
      return { mark: "done", text: parts("manifest written", shortId(event.digest)) };
    case "retry": {
      const text = retryText(event, event.waitMs);
      return { mark: "problem", text: about(event.digest, text) };
    }
    case "waiting": {
      return { mark: "problem", text: waitingText(event.sinceMs, event.error) };
    }
    case "stall": {
      return { mark: "problem", text: about(event.digest, stallText(event)) };
    }
    case "pace":
      return { mark: event.closed ? "problem" : "note", text: paceText(event) };
    case "lock_wait": {
      return { mark: "problem", text: about(event.digest, lockText(event.holder)) };
    }
    case "bytes_lost": {
      const reason = showable(event.reason);
      // A count of 0: the damaged part has not been located yet.
      const lost = `${formatSize(event.count)} to download again: ${reason}`;
      const text = event.count === 0 ? reason : lost;
      return { mark: "problem", text: about(event.digest, text) };
    }
    case "checkpoint": {
      const text = parts("checkpoint", `${formatSize(event.proven)} on disk`);
      return { mark: "note", text: about(event.digest, text) };
    }
    case "chunk_start": {
      const { start, end } = event.range;
      const text = parts(`chunk ${start}-${end - 1}`, formatSize(end - start));
      return { mark: "note", text: about(event.digest, text) };
    }
    case "connections": {
      const number = counted(event.count, "connection");
      const text = event.of === "range" ? number : `${number} for small blobs`;
      return { mark: "note", text: parts(text, event.reason) };
    }
    case "request": {
      const response = parts(String(event.status), `${Math.round(event.elapsedMs)} ms`);
      const url = showable(event.url).replace(DIGEST, "$1");
      return { mark: "note", text: parts(`${event.method} ${url}`, response) };
    }
    case "note":
      return { mark: "note", text: showable(event.message) };
    default:
      return event satisfies never;
  }
}

/** The last line of an interrupted pull: how much is kept. */
export function interruptedStep(
  event: Extract<PullEvent, { readonly event: "pull_interrupted" }>,
  g: Glyphs,
): Step {
  // A size of 0: the manifest is not known yet.
  const kept = event.size === 0
    ? []
    : [`${formatSize(event.kept)} of ${formatSize(event.size)} kept`];
  return { mark: "note", text: ["stopped", ...kept].join(g.separator) };
}

function about(digest: Digest | undefined, text: string): string {
  return digest === undefined ? text : `${shortId(digest)} ${text}`;
}

function sized(blob: BlobRef): string {
  return `${shortId(blob.digest)} ${formatSize(blob.size)} [${blob.index}/${blob.count}]`;
}
