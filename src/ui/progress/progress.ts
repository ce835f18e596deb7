/** From events to the numbers that every renderer shows. */

import type { Digest } from "../../core/digest.ts";
import type { PullEvent } from "../../core/events.ts";
import { steadyEta } from "./eta.ts";
import { type RateMeter, rateMeter } from "./rate.ts";
import type { Clock } from "../terminal/clock.ts";

/** The rate that is shown follows a change in some seconds, the one that the time to go rests on is calmer. */
const RATE_MEMORY_MS = 4_000;
const ETA_MEMORY_MS = 15_000;

/** Sizes in bytes. */
export interface Progress {
  fold(event: PullEvent): void;
  /** Size of all blobs; undefined before the manifest is known. */
  readonly total: number | undefined;
  /**
   * On disk and believed to be right, what was there before included, from the manifest on. Goes down only
   * with `bytes_lost`, and never above `total`.
   */
  readonly done: number;
  /** Came over the network in this run. */
  readonly fetched: number;
  /** A whole number; 100 only when nothing is missing. */
  readonly percent: number;
  /** Bytes a second, smoothed; undefined until it can be told. */
  rate(): number | undefined;
  /** Time until the last byte at the present rate; undefined until it can be told. */
  etaMs(): number | undefined;
  /** The same to be looked at: it runs down and does not jump. */
  steadyEtaMs(): number | undefined;
  /** The file that is being hashed before it is believed, if there is one. */
  readonly verifying: Verifying | undefined;
}

export interface Verifying {
  readonly digest: Digest;
  readonly done: number;
  readonly size: number;
}

/** Numbers of one pull: a new `pull_start` starts again from nothing. */
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
  /** What is done of each blob, so that nothing counts twice. */
  readonly blobs: Map<Digest, { done: number; readonly size: number }>;
  total: number | undefined;
  count: number;
  /** Said to be here, of blobs that nobody has looked at yet. */
  promised: number;
  /** Of the blobs that somebody has looked at. */
  done: number;
  /** What the two come to, but never less than before. */
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

/** What was only promised does not make a pull complete. */
function reached({ total = Infinity, done, promised }: Pull): number {
  return done >= total ? total : Math.min(total - 1, done + promised);
}

/** At least `done` bytes of the blob are there: what was counted before is not taken back. */
function reach(pull: Pull, blob: { digest: Digest; size: number }, done: number): void {
  const known = pull.blobs.get(blob.digest);
  if (known === undefined) {
    pull.blobs.set(blob.digest, { done: 0, size: blob.size });
    keepPromise(pull, done);
  }
  change(pull, blob.digest, Math.max(0, done - (known?.done ?? 0)));
}

/** So many of the bytes that were promised are accounted for, or all when no blob is left. */
function keepPromise(pull: Pull, bytes: number): void {
  pull.promised = pull.blobs.size >= pull.count ? 0 : Math.max(0, pull.promised - bytes);
}

/** Bytes that several connections brought of the same place do not make a blob larger than it is. */
function change(pull: Pull, digest: Digest, by: number): void {
  const blob = pull.blobs.get(digest);
  if (blob === undefined) return;
  const before = blob.done;
  blob.done = Math.min(blob.size, Math.max(0, before + by));
  pull.done += blob.done - before;
}
