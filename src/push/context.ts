/** What every part of one push works with. */

import type { EmitPush } from "../core/reports/push.ts";
import type { PushSource, PushTarget, UploadNotes } from "../core/upload/target.ts";
import type { Clock } from "../io/clock.ts";
import type { RateLimit } from "../io/limit.ts";
import type { RetryPolicy } from "../transfer/retry/backoff.ts";

/** Sizes in bytes, times in milliseconds. */
export interface PushSettings extends RetryPolicy {
  /** Blobs that are sent at the same time. */
  readonly connections: number;
  /** Bytes of one request. */
  readonly chunkSize: number;
  /** Longest time of one request for a chunk. */
  readonly timeoutMs: number;
  readonly dryRun: boolean;
}

export interface PushContext {
  readonly source: PushSource;
  readonly target: PushTarget;
  /** Absent: nothing is remembered. */
  readonly notes?: UploadNotes;
  readonly settings: PushSettings;
  /** Shared by all connections. */
  readonly limit: RateLimit;
  readonly clock: Clock;
  readonly emit: EmitPush;
  /** Ends all of it. */
  readonly signal: AbortSignal;
}
