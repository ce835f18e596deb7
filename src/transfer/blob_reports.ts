/** What the store reports while it works on one blob, passed on to the events and to the plan of what is missing. */

import type { BlobWatcher } from "../core/content.ts";
import type { Descriptor } from "../core/manifest.ts";
import type { Range } from "../core/ranges.ts";
import type { BlobPlan } from "./work/blob_plan.ts";
import type { PullContext } from "./context.ts";
import type { Fetcher } from "./traffic/fetcher.ts";
import { wrongChunkList } from "./repair/repair.ts";

export class BlobReports implements BlobWatcher {
  /** Set once there is one. */
  plan: BlobPlan | undefined;

  constructor(
    private readonly blob: Descriptor,
    private readonly fetcher: Fetcher,
    private readonly context: PullContext,
    /** Called when another process holds the blob, and when there is something to download again. */
    private readonly on: { readonly waiting: () => void; readonly lost: () => void },
  ) {}

  lost(range: Range, count: number, reason: string): void {
    this.fetcher.forgetAddress(this.blob, range);
    this.context.emit({ event: "bytes_lost", digest: this.blob.digest, count, reason });
    this.plan?.putBack(range);
    this.on.lost();
  }

  distrusted(): void {
    this.fetcher.forgetAddress(this.blob);
    this.context.emit({ event: "warning", ...wrongChunkList(this.blob) });
  }

  waiting(holder: string | undefined): void {
    this.context.emit({ event: "lock_wait", digest: this.blob.digest, holder });
    this.on.waiting();
  }

  verifying(done: number): void {
    const { digest, size } = this.blob;
    this.context.emit({ event: "verifying", digest, done, size });
  }
}
