/** The blobs of a pull that are in progress, folded from its events. */

import type { Digest } from "../../core/digest.ts";
import type { BlobRef, PullEvent } from "../../core/events.ts";
import type { ActiveBlob, Overall } from "./active_blob.ts";
import type { Clock } from "../terminal/clock.ts";
import { isNamed } from "./active_blob.ts";

type Changing<T> = { -readonly [K in keyof T]: T[K] };

export interface ActiveBlobs {
  /** Applies an event, in constant time. */
  fold(event: PullEvent): void;
  readonly overall: Overall;
  /** How many blobs are done. */
  readonly finished: number;
  /** The blobs in progress, in the order in which they began. */
  all(): Iterable<ActiveBlob>;
  /** How many blobs are in progress. */
  readonly count: number;
  /** Whether the blob is large enough for a line of its own. */
  named(active: ActiveBlob): boolean;
}

/** Folds the events of one pull; `pull_start` resets it. */
export function foldActiveBlobs(clock: Clock): ActiveBlobs {
  let activeBlobs = new Map<Digest, Changing<ActiveBlob>>();
  let done = new Set<Digest>();
  let overall = nothing(clock);
  let total = 0;

  /** Undefined for a blob that is done: events that arrive later are ignored. */
  function of(digest: Digest): Changing<ActiveBlob> | undefined {
    if (done.has(digest)) return undefined;
    const known = activeBlobs.get(digest);
    if (known !== undefined) return known;
    const now = clock.now();
    const active: Changing<ActiveBlob> = {
      digest,
      blob: undefined,
      done: 0,
      since: now,
      movedAt: now,
      connections: 0,
      checked: undefined,
      retry: undefined,
      stalled: undefined,
      lock: undefined,
    };
    activeBlobs.set(digest, active);
    return active;
  }

  /** There is progress again: clears what the whole pull was waiting for. */
  function moved(): void {
    overall.gone = overall.retry = overall.lock = undefined;
  }

  function finish({ digest }: BlobRef): void {
    activeBlobs.delete(digest);
    done.add(digest);
    moved();
  }

  function arrived(active: Changing<ActiveBlob>, count: number): void {
    const now = clock.now();
    active.done = Math.min(active.blob?.size ?? Infinity, active.done + count);
    active.movedAt = now;
    active.stalled = undefined;
    if (active.retry !== undefined && active.retry.until <= now) active.retry = undefined;
    if (overall.gone !== undefined || overall.retry !== undefined) moved();
  }

  function fold(event: PullEvent): void {
    switch (event.event) {
      case "pull_start":
        activeBlobs = new Map();
        done = new Set();
        overall = nothing(clock);
        total = 0;
        break;
      case "manifest":
        overall.blobs = event.blobs;
        total = event.size;
        moved();
        break;
      case "blob_cached":
      case "blob_verified":
        finish(event.blob);
        break;
      case "blob_start": {
        done.delete(event.blob.digest);
        const active = of(event.blob.digest);
        if (active === undefined) break;
        active.blob = event.blob;
        active.done = event.kept;
        active.lock = active.checked = undefined;
        active.movedAt = clock.now();
        moved();
        break;
      }
      case "bytes": {
        const active = activeBlobs.get(event.digest);
        if (active !== undefined) arrived(active, event.count);
        break;
      }
      case "bytes_lost": {
        const active = activeBlobs.get(event.digest);
        if (active !== undefined) active.done = Math.max(0, active.done - event.count);
        break;
      }
      case "verifying": {
        const { done: hashed, size } = event;
        const active = of(event.digest);
        if (active === undefined) break;
        active.checked = hashed < size ? { done: hashed, size, at: clock.now() } : undefined;
        break;
      }
      case "chunk_start":
      case "chunk_end": {
        const active = activeBlobs.get(event.digest);
        if (active === undefined) break;
        const ended = event.event === "chunk_end";
        active.connections = Math.max(0, active.connections + (ended ? -1 : 1));
        if (!ended) break;
        overall.counted = true;
        if (active.connections === 0) active.retry = active.stalled = undefined;
        break;
      }
      case "retry": {
        const retry = { event, until: clock.now() + event.waitMs };
        const target = event.digest === undefined ? overall : of(event.digest);
        if (target !== undefined) target.retry = retry;
        break;
      }
      case "stall": {
        const active = of(event.digest);
        if (active !== undefined) active.stalled = event;
        break;
      }
      case "lock_wait": {
        const target = event.digest === undefined ? overall : of(event.digest);
        if (target !== undefined) target.lock = { holder: event.holder };
        break;
      }
      case "waiting":
        overall.gone = { since: clock.now() - event.sinceMs, error: event.error };
        break;
      default:
        break;
    }
  }

  return {
    fold,
    get overall() {
      return overall;
    },
    get finished() {
      return done.size;
    },
    all: () => activeBlobs.values(),
    get count() {
      return activeBlobs.size;
    },
    named: ({ blob }) => blob === undefined || isNamed(blob, total),
  };
}

function nothing(clock: Clock): Changing<Overall> {
  return {
    since: clock.now(),
    blobs: 0,
    retry: undefined,
    gone: undefined,
    lock: undefined,
    counted: false,
  };
}
