/**
 * The events of a pull. Byte counts are deltas; renderers compute rates, percentages and
 * remaining times from them. A renderer's switch over the events is exhaustive.
 */

import type { Digest } from "./digest.ts";
import type { PullamaError } from "./errors.ts";
import type { ModelName } from "./name.ts";
import type { Range } from "./ranges.ts";

/** One of the distinct blobs of a pull. */
export interface BlobRef {
  /** The SHA-256 of its content. */
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  /** Its position, from 1; the smallest blob is first. */
  readonly index: number;
  /** The number of distinct blobs. */
  readonly count: number;
}

/** The result of a completed pull. Sizes in bytes. */
export interface Summary {
  /** The model's full name, defaults filled in. */
  readonly name: ModelName;
  /** The SHA-256 of the manifest's bytes; its first 12 digits are the ID in `ollama list`. */
  readonly digest: Digest;
  /** The number of distinct blobs. */
  readonly blobs: number;
  /** Size of all distinct blobs. */
  readonly size: number;
  /** Blob bytes downloaded in this run, including those that had to be discarded. */
  readonly fetched: number;
  /** `fetched` by source, the URL of a mirror or the host of the registry, if there are mirrors. */
  readonly fetchedFrom?: Readonly<Record<string, number>>;
  /** Bytes of blobs that only the model used which this one has replaced; they were removed. */
  readonly freed?: number;
  /** From the first request to the last sync, in milliseconds. */
  readonly elapsedMs: number;
}

/** The result of `--dry-run`. Sizes in bytes. */
export interface DryRun {
  /** The model's full name, defaults filled in. */
  readonly name: ModelName;
  /** The SHA-256 of the manifest's bytes. */
  readonly digest: Digest;
  /** Its distinct blobs. */
  readonly blobs: readonly DryRunBlob[];
  /** The size of all distinct blobs. */
  readonly size: number;
  /** Already in the models folder or in a partial download. */
  readonly cached: number;
  /** What a pull would have to download. */
  readonly toFetch: number;
  /** Free space on the file system of the models folder; undefined if unknown. */
  readonly free: number | undefined;
  /** Whether there is enough free space, including the reserve that is kept free. */
  readonly fits: boolean;
  /** The sources that blobs would be requested from, in this order, if there are mirrors. */
  readonly from?: readonly string[];
}

/** A blob of a dry run. Sizes in bytes. */
export interface DryRunBlob {
  /** The SHA-256 of its content. */
  readonly digest: Digest;
  /** The size of the whole blob. */
  readonly size: number;
  /** The media type in the manifest. */
  readonly mediaType: string;
  /** Bytes of it already on disk. */
  readonly cached: number;
}

/** How fast a pull may be at the moment. */
export interface PaceState {
  /** Bytes per second; absent: no limit. */
  readonly rate?: number;
  /** What the rate is from, if not from this pull itself: set for the folder, or for the time of day. */
  readonly from?: "folder" | "time";
  /** Why no bytes are requested now: all pulls of the folder are paused, or it is not the time of day. */
  readonly closed?: "paused" | "window";
  /** When that ends, in milliseconds since 1970, if known. */
  readonly until?: number;
}

/** An event of a pull. New events may be added: a switch over them should have a default. */
export type PullEvent =
  | { readonly event: "pull_start"; readonly name: ModelName }
  | {
    readonly event: "manifest";
    readonly digest: Digest;
    readonly blobs: number;
    readonly size: number;
    /** Bytes of `size` already on disk, as far as can be told without reading them. */
    readonly kept: number;
    /** The ID of the model that is stored under this name, if it is another one. */
    readonly replaces?: Digest;
    /** The URL of the mirror whose word this manifest is, if the registry was not asked or not reached. */
    readonly from?: string;
  }
  /** The whole blob was already on disk. */
  | { readonly event: "blob_cached"; readonly blob: BlobRef }
  /** The download of a blob starts or resumes; `kept` bytes are on disk from an earlier run. */
  | { readonly event: "blob_start"; readonly blob: BlobRef; readonly kept: number }
  /** Bytes of the blob were written to disk. */
  | { readonly event: "bytes"; readonly digest: Digest; readonly count: number }
  /** Bytes that were counted as done have to be downloaded again: digest mismatch. */
  | {
    readonly event: "bytes_lost";
    readonly digest: Digest;
    readonly count: number;
    readonly reason: string;
  }
  /** An existing file is being hashed before it is trusted; `done` of `size` bytes so far. */
  | {
    readonly event: "verifying";
    readonly digest: Digest;
    readonly done: number;
    readonly size: number;
  }
  | { readonly event: "blob_verified"; readonly blob: BlobRef; readonly elapsedMs: number }
  /** A failed attempt will be retried after `waitMs`. `attempt` counts from 1. */
  | {
    readonly event: "retry";
    readonly digest: Digest | undefined;
    readonly attempt: number;
    readonly limit: number;
    readonly waitMs: number;
    readonly error: PullamaError;
  }
  /**
   * The network or the server is down: no data received for `sinceMs`, and the last attempt
   * failed with `error`. Retries continue. Emitted now and then, once for all connections.
   */
  | { readonly event: "waiting"; readonly sinceMs: number; readonly error: PullamaError }
  /**
   * A connection stalled: no data received for `silentMs` or, if it is `slow`, less than so many bytes
   * per second for so long. It is replaced.
   */
  | {
    readonly event: "stall";
    readonly digest: Digest;
    readonly silentMs: number;
    readonly slow?: { readonly bytesPerSecond: number; readonly ms: number };
  }
  /** So many connections download ranges of large blobs, or small blobs, from now on; `reason` says why. */
  | {
    readonly event: "connections";
    readonly of: "range" | "small";
    readonly count: number;
    readonly reason: string;
  }
  /** How fast it may be has changed, or is not what was set for this pull. */
  | { readonly event: "pace" } & PaceState
  /** Another process is using this blob; `holder` is from its lock file: `pid 4711 on host`. */
  | {
    readonly event: "lock_wait";
    readonly digest: Digest | undefined;
    readonly holder: string | undefined;
  }
  | { readonly event: "checkpoint"; readonly digest: Digest; readonly proven: number }
  /** A range was assigned to a connection. */
  | { readonly event: "chunk_start"; readonly digest: Digest; readonly range: Range }
  /** The connection finished its range or gave up on the rest; `range` is what it downloaded. */
  | { readonly event: "chunk_end"; readonly digest: Digest; readonly range: Range }
  /** A response was received. `url` has no query and no user info. */
  | {
    readonly event: "request";
    readonly method: string;
    readonly url: string;
    readonly status: number;
    readonly elapsedMs: number;
  }
  | { readonly event: "manifest_written"; readonly digest: Digest }
  /** A detail for `--verbose`, in one sentence. */
  | { readonly event: "note"; readonly message: string }
  | { readonly event: "warning"; readonly message: string; readonly hint: string | undefined }
  | { readonly event: "dry_run"; readonly result: DryRun }
  | { readonly event: "pull_completed"; readonly summary: Summary }
  | {
    readonly event: "pull_interrupted";
    readonly name: ModelName;
    /** Bytes that are on disk and will not be downloaded again. */
    readonly kept: number;
    readonly size: number;
  }
  | {
    readonly event: "pull_failed";
    readonly name: ModelName | undefined;
    /** The name as the user gave it. */
    readonly given: string;
    readonly error: PullamaError;
  };

/** Receives the events. */
export type Emit = (event: PullEvent) => void;
