/** From events to the numbers that every renderer shows. */

import type { Digest } from "../core/digest.ts";
import type { PullEvent } from "../core/events.ts";
import { rateMeter } from "./rate.ts";
import type { Clock } from "./renderer.ts";

/** Sizes in bytes. */
export interface Progress {
  fold(event: PullEvent): void;
  /** Size of all blobs; undefined before the manifest is known. */
  readonly total: number | undefined;
  /** On disk and believed to be right. Goes down only with `bytes_lost`, and never above `total`. */
  readonly done: number;
  /** Came over the network in this run. */
  readonly fetched: number;
  /** A whole number; 100 only when nothing is missing. */
  readonly percent: number;
  /** Bytes a second, smoothed; undefined until it can be told. */
  rate(): number | undefined;
  /** Time until the last byte at the present rate; undefined until it can be told. */
  etaMs(): number | undefined;
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

  return {
    fold(event) {
      if (event.event === "pull_start") pull = newPull(clock);
      else foldInto(pull, event);
    },
    get total() {
      return pull.total;
    },
    get done() {
      return pull.total === undefined ? pull.done : Math.min(pull.done, pull.total);
    },
    get fetched() {
      return pull.fetched;
    },
    get percent() {
      if (pull.total === undefined) return 0;
      return pull.total <= this.done ? 100 : Math.floor(this.done / pull.total * 100);
    },
    rate: () => pull.meter.rate(),
    etaMs() {
      const rate = pull.meter.rate();
      if (pull.total === undefined || rate === undefined || rate < 1) return undefined;
      return (pull.total - this.done) / rate * 1_000;
    },
    get verifying() {
      return pull.verifying;
    },
  };
}

interface Pull {
  readonly meter: ReturnType<typeof rateMeter>;
  /** What is done of each blob, so that nothing counts twice. */
  readonly blobs: Map<Digest, { done: number; readonly size: number }>;
  total: number | undefined;
  done: number;
  fetched: number;
  verifying: Verifying | undefined;
}

function newPull(clock: Clock): Pull {
  return {
    meter: rateMeter(clock),
    blobs: new Map(),
    total: undefined,
    done: 0,
    fetched: 0,
    verifying: undefined,
  };
}

function foldInto(pull: Pull, event: PullEvent): void {
  switch (event.event) {
    case "manifest":
      pull.total = event.size;
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
      change(pull, event.digest, event.count);
      break;
    case "bytes_lost":
      change(pull, event.digest, -event.count);
      break;
    case "verifying":
      pull.verifying = event.done < event.size ? event : undefined;
      break;
    default:
      break;
  }
}

/** At least `done` bytes of the blob are there: what was counted before is not taken back. */
function reach(pull: Pull, blob: { digest: Digest; size: number }, done: number): void {
  const known = pull.blobs.get(blob.digest);
  if (known === undefined) pull.blobs.set(blob.digest, { done: 0, size: blob.size });
  change(pull, blob.digest, Math.max(0, done - (known?.done ?? 0)));
}

/** Bytes that several connections brought of the same place do not make a blob larger than it is. */
function change(pull: Pull, digest: Digest, by: number): void {
  const blob = pull.blobs.get(digest);
  if (blob === undefined) return;
  const before = blob.done;
  blob.done = Math.min(blob.size, Math.max(0, before + by));
  pull.done += blob.done - before;
}
