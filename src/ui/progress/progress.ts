/** Folds events into the numbers that every renderer shows. */

import type { Digest } from "../../core/digest.ts";
import type { PullEvent } from "../../core/events.ts";
import { steadyEta } from "./eta.ts";
import { type RateMeter, rateMeter } from "./rate.ts";
import type { Clock } from "../terminal/clock.ts";

/** Time constants of the displayed rate, and of the smoother one behind the ETA. */
const RATE_MEMORY_MS = 4_000;
const ETA_MEMORY_MS = 15_000;

/** Sizes in bytes. */
export interface Progress {
  fold(event: PullEvent): void;
  /** Size of all blobs; undefined before the manifest is known. */
  readonly total: number | undefined;
  /**
   * On disk, including what an earlier run left, as of `manifest`. Decreases only with
   * `bytes_lost`, and never exceeds `total`.
   */
  readonly done: number;
  /** Received over the network in this run. */
  readonly fetched: number;
  /** A whole number; 100 only when nothing is missing. */
  readonly percent: number;
  /** Bytes per second, smoothed; undefined until it is known. */
  rate(): number | undefined;
  /** Time until the last byte at the current rate; undefined until it is known. */
  etaMs(): number | undefined;
  /** The same for display: it counts down and does not jump. */
  steadyEtaMs(): number | undefined;
  /** The existing file that is being hashed, if any. */
  readonly verifying: Verifying | undefined;
}

export interface Verifying {
  readonly digest: Digest;
  readonly done: number;
  readonly size: number;
}

/** The numbers of one pull; `pull_start` resets them. */
export function foldProgress(clock: Clock): Progress {
  let pull = newPull(clock);

  function etaMs(): number | undefined {
    const rate = pull.calm.rate();
    if (pull.total === undefined || rate === undefined || rate < 1) return undefined;
    return (pull.total - pull.shown) / rate * 1_000;
  }

  return {
    fold(event) {
      if (event.event === "pull_start") pull = newPull(clock);
      else foldInto(pull, event);
    },
    get total() {
      return pull.total;
    },
    get done() {
      return pull.shown;
    },
    get fetched() {
      return pull.fetched;
    },
    get percent() {
      if (pull.total === undefined) return 0;
      return pull.total <= pull.shown ? 100 : Math.floor(pull.shown / pull.total * 100);
    },
    rate: () => pull.meter.rate(),
    etaMs,
    steadyEtaMs: () => pull.steady(etaMs()),
    get verifying() {
      return pull.verifying;
    },
  };
}

interface Pull {
  readonly meter: RateMeter;
  readonly calm: RateMeter;
  readonly steady: ReturnType<typeof steadyEta>;
  /** Bytes done of each blob, so that none is counted twice. */
  readonly blobs: Map<Digest, { done: number; readonly size: number }>;
  total: number | undefined;
  count: number;
  /** Bytes that `manifest` reported as kept, of blobs that had no event of their own yet. */
  promised: number;
  /** Bytes done of the blobs that had one. */
  done: number;
  /** The sum of the two, but never less than before. */
  shown: number;
  fetched: number;
  verifying: Verifying | undefined;
}

function newPull(clock: Clock): Pull {
  return {
    meter: rateMeter(clock, RATE_MEMORY_MS),
    calm: rateMeter(clock, ETA_MEMORY_MS),
    steady: steadyEta(clock),
    blobs: new Map(),
    total: undefined,
    count: Infinity,
    promised: 0,
    done: 0,
    shown: 0,
    fetched: 0,
    verifying: undefined,
  };
}

function foldInto(pull: Pull, event: PullEvent): void {
  switch (event.event) {
    case "manifest":
      pull.total = event.size;
      pull.count = event.blobs;
      pull.promised = event.kept;
      break;
    case "blob_cached":
    case "blob_verified":
      reach(pull, event.blob, event.blob.size);
      break;
    case "blob_start":
      reach(pull, event.blob, event.kept);
      break;
    case "bytes":
      pull.fetched += event.count;
      pull.meter.add(event.count);
      pull.calm.add(event.count);
      change(pull, event.digest, event.count);
      break;
    case "bytes_lost":
      if (!pull.blobs.has(event.digest)) keepPromise(pull, event.count);
      change(pull, event.digest, -event.count);
      pull.shown = 0;
      break;
    case "verifying":
      pull.verifying = event.done < event.size ? event : undefined;
      return;
    default:
      return;
  }
  pull.shown = Math.max(pull.shown, reached(pull));
}

/** Promised bytes alone do not make a pull complete. */
function reached({ total = Infinity, done, promised }: Pull): number {
  return done >= total ? total : Math.min(total - 1, done + promised);
}

/** At least `done` bytes of the blob are on disk; bytes counted before are not taken back. */
function reach(pull: Pull, blob: { digest: Digest; size: number }, done: number): void {
  const known = pull.blobs.get(blob.digest);
  if (known === undefined) {
    pull.blobs.set(blob.digest, { done: 0, size: blob.size });
    keepPromise(pull, done);
  }
  change(pull, blob.digest, Math.max(0, done - (known?.done ?? 0)));
}

/** `bytes` of the promised bytes are accounted for, or all of them after the last blob. */
function keepPromise(pull: Pull, bytes: number): void {
  pull.promised = pull.blobs.size >= pull.count ? 0 : Math.max(0, pull.promised - bytes);
}

/** Bytes that several connections received of the same range do not make a blob exceed its size. */
function change(pull: Pull, digest: Digest, by: number): void {
  const blob = pull.blobs.get(digest);
  if (blob === undefined) return;
  const before = blob.done;
  blob.done = Math.min(blob.size, Math.max(0, before + by));
  pull.done += blob.done - before;
}
