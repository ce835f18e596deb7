/**
 * What happens during a pull, as facts. Byte counts are deltas; rates, percentages and times to go are
 * folded on the screen's side. A renderer decides about every event: its switch is exhaustive.
 */

import type { Digest } from "./digest.ts";
import type { PullamaError } from "./errors.ts";
import type { ModelName } from "./name.ts";
import type { Range } from "./ranges.ts";

/** One of the distinct blobs of a pull. `index` counts from 1, smallest blob first. */
export interface BlobRef {
  /** The sha256 of its content, which is also its name. */
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  /** Which one it is, from 1. */
  readonly index: number;
  /** How many there are. */
  readonly count: number;
}

/** What a finished pull amounts to. Sizes in bytes. */
export interface Summary {
  /** The model, with everything that was left out filled in. */
  readonly name: ModelName;
  /** The sha256 of the manifest's bytes; its first 12 digits are the ID that `ollama list` shows. */
  readonly digest: Digest;
  /** How many distinct blobs it has. */
  readonly blobs: number;
  /** Size of all distinct blobs. */
  readonly size: number;
  /** Bytes of blobs that came over the network in this run, wasted ones included. */
  readonly fetched: number;
  /** From the first request to the last sync, in milliseconds. */
  readonly elapsedMs: number;
}

/** What `--dry-run` finds out. Sizes in bytes. */
export interface DryRun {
  /** The model, with everything that was left out filled in. */
  readonly name: ModelName;
  /** The sha256 of the manifest's bytes. */
  readonly digest: Digest;
  /** Its distinct blobs. */
  readonly blobs: readonly DryRunBlob[];
  /** Of all blobs. */
  readonly size: number;
  /** Already in the models folder or in a partial download. */
  readonly cached: number;
  /** What a pull would have to fetch. */
  readonly toFetch: number;
  /** Bytes available on the file system of the models folder; undefined where that cannot be known. */
  readonly free: number | undefined;
  /** Whether there is room for it, some to spare included. */
  readonly fits: boolean;
}

/** A blob of a dry run. Sizes in bytes. */
export interface DryRunBlob {
  /** The sha256 of its content. */
  readonly digest: Digest;
  /** Of the whole blob. */
  readonly size: number;
  /** What the manifest says that it is. */
  readonly mediaType: string;
  /** What of it is here already. */
  readonly cached: number;
}

/** One fact about a pull. Events are added now and then: a switch over them should have a default. */
export type PullEvent =
  | { readonly event: "pull_start"; readonly name: ModelName }
  | {
    readonly event: "manifest";
    readonly digest: Digest;
    readonly blobs: number;
    readonly size: number;
    /** Bytes of `size` that are here already, as far as can be told without reading them. */
    readonly kept: number;
  }
  /** The whole blob was here already. */
  | { readonly event: "blob_cached"; readonly blob: BlobRef }
  /** Blob begins or goes on; `kept` bytes of it are on disk from an earlier run. */
  | { readonly event: "blob_start"; readonly blob: BlobRef; readonly kept: number }
  /** Bytes of the blob reached the disk. */
  | { readonly event: "bytes"; readonly digest: Digest; readonly count: number }
  /** Bytes that were counted as done have to be fetched again: their digest did not match. */
  | {
    readonly event: "bytes_lost";
    readonly digest: Digest;
    readonly count: number;
    readonly reason: string;
  }
  /** An existing file is hashed before it is believed; `done` of `size` so far. */
  | {
    readonly event: "verifying";
    readonly digest: Digest;
    readonly done: number;
    readonly size: number;
  }
  | { readonly event: "blob_verified"; readonly blob: BlobRef; readonly elapsedMs: number }
  /** A failed attempt is followed by another one after `waitMs`. `attempt` counts from 1. */
  | {
    readonly event: "retry";
    readonly digest: Digest | undefined;
    readonly attempt: number;
    readonly limit: number;
    readonly waitMs: number;
    readonly error: PullamaError;
  }
  /**
   * The line or the server is gone: nothing has come for `sinceMs`, the last attempt ended with `error`, and
   * it goes on being tried. Said once in a while for all connections together.
   */
  | { readonly event: "waiting"; readonly sinceMs: number; readonly error: PullamaError }
  /** A connection was silent for `silentMs` and is replaced. */
  | { readonly event: "stall"; readonly digest: Digest; readonly silentMs: number }
  /** Another process works on this blob; `holder` as its lock file says, such as `pid 4711 on host`. */
  | {
    readonly event: "lock_wait";
    readonly digest: Digest | undefined;
    readonly holder: string | undefined;
  }
  | { readonly event: "checkpoint"; readonly digest: Digest; readonly proven: number }
  /** A range was handed to a connection. */
  | { readonly event: "chunk_start"; readonly digest: Digest; readonly range: Range }
  /** The connection is through with its range, or gave up on the rest of it; `range` is what it has brought. */
  | { readonly event: "chunk_end"; readonly digest: Digest; readonly range: Range }
  /** A request was answered. `url` carries no query and no user. */
  | {
    readonly event: "request";
    readonly method: string;
    readonly url: string;
    readonly status: number;
    readonly elapsedMs: number;
  }
  | { readonly event: "manifest_written"; readonly digest: Digest }
  /** Something that only somebody who looks closely wants to know, in a sentence. */
  | { readonly event: "note"; readonly message: string }
  | { readonly event: "warning"; readonly message: string; readonly hint: string | undefined }
  | { readonly event: "dry_run"; readonly result: DryRun }
  | { readonly event: "pull_completed"; readonly summary: Summary }
  | {
    readonly event: "pull_interrupted";
    readonly name: ModelName;
    /** Bytes that are on disk and will not be fetched again. */
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

/** Hears what happens. */
export type Emit = (event: PullEvent) => void;
