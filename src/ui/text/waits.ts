/** Retries, stalls and locks that a pull waits for, as text. */

import type { PullamaError } from "../../core/errors.ts";
import type { PaceState, PullEvent } from "../../core/events.ts";
import { formatDuration, formatRate, tooSlowText } from "../../core/units.ts";
import { seconds } from "./numbers.ts";
import { showable } from "./redact.ts";

type StallEvent = Extract<PullEvent, { readonly event: "stall" }>;
type RetryEvent = Extract<PullEvent, { readonly event: "retry" }>;

/** A failed attempt, and the time until the next one; `waitMs` 0: now. */
export function retryText({ attempt, limit, error }: RetryEvent, waitMs: number): string {
  const retry = `retry ${attempt}${Number.isFinite(limit) ? `/${limit}` : ""}`;
  const reason = showable(error.message);
  const status = error.kind === "unavailable" ? /\(([45]\d\d)\)/.exec(reason)?.[1] : undefined;
  if (waitMs <= 0) return `${retry} now: ${status ?? reason}`;
  if (status !== undefined) return `${status}, waiting ${seconds(waitMs)} (${retry})`;
  return `${retry} in ${seconds(waitMs)}: ${reason}`;
}

/** The network or the server is down, and `--retry-for` keeps retrying. */
export function waitingText(sinceMs: number, error: PullamaError): string {
  const reason = showable(error.message);
  return `no data received for ${formatDuration(sinceMs)}, still retrying: ${reason}`;
}

/** A stalled connection that is being replaced. */
export function stallText({ silentMs, slow }: Omit<StallEvent, "event" | "digest">): string {
  const reason = slow ? tooSlowText(slow.bytesPerSecond, slow.ms) : `stalled ${seconds(silentMs)}`;
  return `${reason}, reconnecting`;
}

/** How fast a pull may be from now on. */
export function paceText({ rate, from, closed, until }: PaceState): string {
  const at = until === undefined ? "" : ` until ${timeOfDay(until)}`;
  if (closed === "paused") return `paused; "pullama resume" in the same models folder continues it`;
  if (closed === "window") return `outside the hours of --window: waiting${at}`;
  if (rate === undefined) return "continues without a rate limit";
  const who = from === "folder" ? `, set by "pullama limit"` : from === "time" ? at : "";
  return `at most ${formatRate(rate)}${who}`;
}

function timeOfDay(ms: number): string {
  const date = new Date(ms);
  return [date.getHours(), date.getMinutes()].map((n) => String(n).padStart(2, "0")).join(":");
}

/** Another process holds the lock. */
export function lockText(holder: string | undefined): string {
  return `waiting for another process${holder === undefined ? "" : ` (${showable(holder)})`}`;
}
