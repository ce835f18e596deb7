/** What happened, in words: the steps of a pull as one line each. */

import { type Digest, shortId } from "../../core/digest.ts";
import type { BlobRef, PullEvent } from "../../core/events.ts";
import { formatDuration, formatSize } from "../../core/units.ts";
import type { Glyphs } from "../terminal/draw.ts";
import type { Mark } from "../terminal/paint.ts";
import { counted, percentOf } from "../text/numbers.ts";
import { lockText, retryText, stallText, waitingText } from "../text/waits.ts";
import { showable } from "../text/redact.ts";

/** A digest in an address, and as much of it as is shown of one elsewhere. */
const DIGITS = /\b([0-9a-f]{12})[0-9a-f]{52}\b/g;

/** A line: what stands before it, and its text. */
export interface Step {
  readonly mark: Mark;
  readonly text: string;
}

/** The events that are a step: they happen at one moment and have a line of their own. */
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
      | "request"
      | "note";
  }
>;

/** The words for `event`. */
export function stepOf(event: StepEvent, g: Glyphs): Step {
  const parts = (...texts: string[]) => texts.join(g.separator);
  switch (event.event) {
    case "manifest": {
      const { blobs, size, kept } = event;
      const here = kept > 0 ? [`${percentOf(kept, size)} % here`] : [];
      const text = parts("manifest", counted(blobs, "blob"), formatSize(size), ...here);
      return { mark: "done", text };
    }
    case "blob_cached":
      return { mark: "cached", text: `cached ${sized(event.blob)}` };
    case "blob_start": {
      const blob = sized(event.blob);
      if (event.kept === 0) return { mark: "begin", text: `downloading ${blob}` };
      const share = percentOf(event.kept, event.blob.size);
      const text = `resumed at ${share} %, ${formatSize(event.kept)} proven`;
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
      return { mark: "problem", text: about(event.digest, stallText(event.silentMs)) };
    }
    case "lock_wait": {
      return { mark: "problem", text: about(event.digest, lockText(event.holder)) };
    }
    case "bytes_lost": {
      const reason = showable(event.reason);
      // Where nothing is given up yet it is only about to be looked for.
      const lost = `${formatSize(event.count)} to be fetched again: ${reason}`;
      const text = event.count === 0 ? reason : lost;
      return { mark: "problem", text: about(event.digest, text) };
    }
    case "checkpoint": {
      const text = parts("checkpoint", `${formatSize(event.proven)} proven`);
      return { mark: "note", text: about(event.digest, text) };
    }
    case "chunk_start": {
      const { start, end } = event.range;
      const text = parts(`chunk ${start}-${end - 1}`, formatSize(end - start));
      return { mark: "note", text: about(event.digest, text) };
    }
    case "request": {
      const answer = parts(String(event.status), `${Math.round(event.elapsedMs)} ms`);
      const url = showable(event.url).replace(DIGITS, "$1");
      return { mark: "note", text: parts(`${event.method} ${url}`, answer) };
    }
    case "note":
      return { mark: "note", text: showable(event.message) };
    default:
      return event satisfies never;
  }
}

/** What is left of a pull that was stopped. */
export function interruptedStep(
  event: Extract<PullEvent, { readonly event: "pull_interrupted" }>,
  g: Glyphs,
): Step {
  // Before the manifest is known nobody can say how much there is.
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
