/** The events and results of `pullama push`. Byte counts of `bytes` are deltas. */

import type { Digest } from "../digest.ts";
import type { PullEvent } from "../events.ts";
import type { Descriptor } from "../manifest.ts";
import type { ModelName } from "../name.ts";

/** The result of one model. Sizes in bytes. */
export interface PushSummary {
  readonly name: ModelName;
  /** Where it is now, such as `http://10.0.0.5:5000/library/llama3.2`. */
  readonly place: string;
  readonly digest: Digest;
  readonly blobs: number;
  /** Of all distinct blobs. */
  readonly size: number;
  /** Sent in this run, including what had to be sent again. */
  readonly sent: number;
  /** Of blobs that the registry took from another model of this run. */
  readonly mounted: number;
  readonly elapsedMs: number;
}

/** The result of a dry run. Sizes in bytes. */
export interface PushPlan extends Omit<PushSummary, "sent" | "elapsedMs"> {
  readonly toSend: number;
  /** The blobs, and how the registry gets each. */
  readonly all: readonly {
    readonly blob: Descriptor;
    readonly by: "there" | "mount" | "upload";
  }[];
}

export type PushEvent =
  | { readonly event: "push_start"; readonly name: ModelName; readonly place: string }
  | {
    readonly event: "push_manifest";
    readonly digest: Digest;
    readonly blobs: number;
    readonly size: number;
    /** Bytes of blobs that are there. */
    readonly there: number;
    /** The manifest that the tag has there now. */
    readonly replaces?: Digest;
  }
  | { readonly event: "upload_start"; readonly blob: Descriptor; readonly kept: number }
  | { readonly event: "blob_mounted"; readonly blob: Descriptor; readonly from: ModelName }
  | { readonly event: "blob_pushed"; readonly blob: Descriptor; readonly elapsedMs: number }
  /** `moved` of them took time; the others were there already. Negative: to be sent again. */
  | { readonly event: "bytes"; readonly count: number; readonly moved: number }
  | { readonly event: "upload_lost"; readonly blob: Descriptor; readonly count: number }
  | { readonly event: "manifest_pushed"; readonly digest: Digest; readonly wasThere: boolean }
  | { readonly event: "push_completed"; readonly summary: PushSummary }
  | { readonly event: "push_dry_run"; readonly plan: PushPlan }
  | Extract<
    PullEvent,
    { readonly event: "retry" | "waiting" | "request" | "note" | "warning" }
  >;

export type EmitPush = (event: PushEvent) => void;
