/** What a pull waits for, as text. */

import type { PullamaError } from "../../core/errors.ts";
import type { PullEvent } from "../../core/events.ts";
import { formatDuration } from "../../core/units.ts";
import { seconds } from "./numbers.ts";
import { showable } from "./redact.ts";

type RetryEvent = Extract<PullEvent, { readonly event: "retry" }>;

/** A failed attempt, and when the next one follows; `waitMs` 0: now. */
export function retryText({ attempt, limit, error }: RetryEvent, waitMs: number): string {
  const retry = `retry ${attempt}${Number.isFinite(limit) ? `/${limit}` : ""}`;
  const why = showable(error.message);
  const status = error.kind === "unavailable" ? /\(([45]\d\d)\)/.exec(why)?.[1] : undefined;
  if (waitMs <= 0) return `${retry} now: ${status ?? why}`;
  if (status !== undefined) return `${status}, waiting ${seconds(waitMs)} (${retry})`;
  return `${retry} in ${seconds(waitMs)}: ${why}`;
}

/** The line or the server is gone. */
export function waitingText(sinceMs: number, error: PullamaError): string {
  return `nothing for ${formatDuration(sinceMs)}, still trying: ${showable(error.message)}`;
}

/** A connection that was given up. */
export function stallText(silentMs: number): string {
  return `stalled ${seconds(silentMs)}, reconnecting`;
}

/** Somebody else is at work. */
export function lockText(holder: string | undefined): string {
  return `waiting for another process${holder === undefined ? "" : ` (${showable(holder)})`}`;
}
