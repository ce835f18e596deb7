/** What happened, in words: the steps of a pull as one line each. */

import { type Digest, shortId } from "../core/digest.ts";
import type { BlobRef, PullEvent } from "../core/events.ts";
import { formatDuration, formatSize } from "../core/units.ts";
import type { Glyphs } from "./draw.ts";
import { oneLine, redact } from "./redact.ts";

/** A line: what stands before it, and its text. */
export interface Step {
  readonly mark: "done" | "cached" | "begin" | "trouble" | "note";
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
      | "stall"
      | "lock_wait"
      | "bytes_lost"
      | "checkpoint"
      | "chunk_start"
      | "request";
  }
>;

/** The words for `event`. */
export function stepOf(event: StepEvent, g: Glyphs): Step {
  const parts = (...texts: string[]) => texts.join(g.separator);
  switch (event.event) {
    case "manifest": {
      const text = parts("manifest", counted(event.blobs, "blob"), formatSize(event.size));
      return { mark: "done", text };
    }
    case "blob_cached":
      return { mark: "cached", text: `cached ${sized(event.blob)}` };
    case "blob_start": {
      const blob = sized(event.blob);
      const text = event.kept > 0
        ? parts(`resuming ${blob}`, `${formatSize(event.kept)} kept`)
        : `downloading ${blob}`;
      return { mark: "begin", text };
    }
    case "blob_verified": {
      const text = `verified ${shortId(event.blob.digest)} (${formatDuration(event.elapsedMs)})`;
      return { mark: "done", text };
    }
    case "manifest_written":
      return { mark: "done", text: parts("manifest written", shortId(event.digest)) };
    case "retry": {
      const limit = Number.isFinite(event.limit) ? `/${event.limit}` : "";
      const why = foreign(event.error.message);
      const text = `retry ${event.attempt}${limit} in ${seconds(event.waitMs)}: ${why}`;
      return { mark: "trouble", text: about(event.digest, text) };
    }
    case "stall": {
      const text = `stalled ${seconds(event.silentMs)}, reconnecting`;
      return { mark: "trouble", text: about(event.digest, text) };
    }
    case "lock_wait": {
      const holder = event.holder === undefined ? "" : ` (${foreign(event.holder)})`;
      return {
        mark: "trouble",
        text: about(event.digest, `waiting for another process${holder}`),
      };
    }
    case "bytes_lost": {
      const text = `${formatSize(event.count)} to be fetched again: ${foreign(event.reason)}`;
      return { mark: "trouble", text: about(event.digest, text) };
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
      return { mark: "note", text: parts(`${event.method} ${foreign(event.url)}`, answer) };
    }
    default:
      return event satisfies never;
  }
}

/** What is left of a pull that was stopped. */
export function interruptedStep(
  event: Extract<PullEvent, { readonly event: "pull_interrupted" }>,
  g: Glyphs,
): Step {
  const text = `${formatSize(event.kept)} of ${formatSize(event.size)} kept`;
  return { mark: "note", text: ["stopped", text].join(g.separator) };
}

/** A number of things, with its digits in groups of three. */
export function counted(count: number, thing: string): string {
  const digits = String(count).replace(/\B(?=(\d{3})+$)/g, ",");
  return `${digits} ${thing}${count === 1 ? "" : "s"}`;
}

/** Text that came from a server or a file of another process. */
function foreign(text: string): string {
  return oneLine(redact(text));
}

function about(digest: Digest | undefined, text: string): string {
  return digest === undefined ? text : `${shortId(digest)} ${text}`;
}

function sized(blob: BlobRef): string {
  return `${shortId(blob.digest)} ${formatSize(blob.size)} [${blob.index}/${blob.count}]`;
}

/** A short time as it is spoken: `0.5 s`, `12 s`. Milliseconds in. */
function seconds(ms: number): string {
  return ms < 9_950 ? `${Number((ms / 1_000).toFixed(1))} s` : `${Math.round(ms / 1_000)} s`;
}
