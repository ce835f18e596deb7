/** The state of one blob in progress, and of the pull as a whole. */

import type { Digest } from "../../core/digest.ts";
import type { PullamaError } from "../../core/errors.ts";
import type { BlobRef, PullEvent } from "../../core/events.ts";

type StallEvent = Extract<PullEvent, { readonly event: "stall" }>;
type RetryEvent = Extract<PullEvent, { readonly event: "retry" }>;

/** Sizes in bytes, times in milliseconds of the renderer's clock. */
export interface ActiveBlob {
  readonly digest: Digest;
  /** Undefined until `blob_start`. */
  readonly blob: BlobRef | undefined;
  readonly done: number;
  readonly since: number;
  /** When its last bytes were received, or when it began. */
  readonly movedAt: number;
  /** Connections that are downloading a range of it. */
  readonly connections: number;
  /** Progress of hashing an existing file, reported at `at`. */
  readonly checked:
    | { readonly done: number; readonly size: number; readonly at: number }
    | undefined;
  readonly retry: { readonly event: RetryEvent; readonly until: number } | undefined;
  readonly stalled: StallEvent | undefined;
  readonly lock: { readonly holder: string | undefined } | undefined;
}

/** The state of the pull as a whole. */
export interface Overall {
  /** When the pull began. */
  readonly since: number;
  readonly blobs: number;
  /** A retry that belongs to no blob, such as that of the manifest. */
  readonly retry: ActiveBlob["retry"];
  /** Since when no data has been received on any connection. */
  readonly gone: { readonly since: number; readonly error: PullamaError } | undefined;
  readonly lock: ActiveBlob["lock"];
  /** A `chunk_end` has been seen, so `connections` can be relied on. */
  readonly counted: boolean;
}

/**
 * Up to this many blobs all are listed; of more, only those of at least 1/NAMED of the total size.
 */
const NAMED = 20;

/** Whether a blob gets lines of its own; `total` is the size of all blobs. */
export function isNamed(blob: BlobRef, total: number): boolean {
  return blob.count <= NAMED || blob.size * NAMED >= total;
}
