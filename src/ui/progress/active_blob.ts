/** One blob that is under way, and what there is to say about all of them. */

import type { Digest } from "../../core/digest.ts";
import type { PullamaError } from "../../core/errors.ts";
import type { BlobRef, PullEvent } from "../../core/events.ts";

type RetryEvent = Extract<PullEvent, { readonly event: "retry" }>;

/** Sizes in bytes, times by the clock of the screen. */
export interface ActiveBlob {
  readonly digest: Digest;
  /** Undefined before it is known which blob it is. */
  readonly blob: BlobRef | undefined;
  readonly done: number;
  readonly since: number;
  /** When bytes of it came last, or when it began. */
  readonly movedAt: number;
  /** Ranges of it that connections have in hand. */
  readonly connections: number;
  /** It is hashed before it is believed: so much of so much, said then. */
  readonly checked:
    | { readonly done: number; readonly size: number; readonly at: number }
    | undefined;
  readonly retry: { readonly event: RetryEvent; readonly until: number } | undefined;
  readonly stalled: number | undefined;
  readonly lock: { readonly holder: string | undefined } | undefined;
}

/** Facts about all of it. */
export interface Overall {
  /** When the pull began. */
  readonly since: number;
  readonly blobs: number;
  /** What is tried again and belongs to no blob, such as the manifest. */
  readonly retry: ActiveBlob["retry"];
  /** Since when nothing comes at all. */
  readonly gone: { readonly since: number; readonly error: PullamaError } | undefined;
  readonly lock: ActiveBlob["lock"];
  /** It is told when connections are through with their ranges: the numbers of connections are right. */
  readonly counted: boolean;
}

/** Up to so many blobs all are named; of more, only those that are at least this part of the whole. */
const NAMED = 20;

/** Whether a blob is spoken of by itself; `total` is the size of all blobs. */
export function isNamed(blob: BlobRef, total: number): boolean {
  return blob.count <= NAMED || blob.size * NAMED >= total;
}
