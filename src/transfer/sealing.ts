/** From the last byte of a blob to a finished file, or to a plan of what has to be downloaded again. */

import { PullamaError } from "../core/errors.ts";
import type { BlobPlan } from "./work/blob_plan.ts";
import type { PullContext } from "./context.ts";
import type { Fetcher } from "./traffic/fetcher.ts";
import { planRepair } from "./repair/repair.ts";

/** Complete blobs that are being verified at the same time; no more are begun meanwhile. */
const MOST_SEALING = 16;

export class Sealing {
  #count = 0;

  constructor(private readonly fetcher: Fetcher, private readonly context: PullContext) {}

  /** So many blobs are being verified that no further ones should be begun. */
  get full(): boolean {
    return this.#count >= MOST_SEALING;
  }

  /**
   * Verifies the blob and stores it as finished: true. False: bytes of it are missing after all, and `plan` knows
   * which, or the pull ends. Lost bytes may even have been downloaded again meanwhile.
   */
  async seal(plan: BlobPlan): Promise<boolean> {
    plan.sealing = true;
    this.#count++;
    try {
      return await this.#seal(plan);
    } finally {
      plan.sealing = false;
      this.#count--;
    }
  }

  async #seal(plan: BlobPlan): Promise<boolean> {
    const { ingest, blob, ref, startedAt } = plan;
    const { signal, emit, clock } = this.context;
    const outcome = await ingest.seal();
    if (outcome === "sealed") {
      plan.sealed.abort();
      emit({ event: "blob_verified", blob: ref, elapsedMs: clock.now() - startedAt });
      return true;
    }
    if (signal.aborted) return false;
    const dropped = outcome === "mismatch" && await planRepair(this.fetcher, emit, plan);
    plan.replan();
    // Nothing to download and still not complete would never end. What was dropped may be here again.
    if (plan.done && !dropped) {
      throw new PullamaError("internal", `${blob.digest} cannot be completed`);
    }
    return false;
  }
}
