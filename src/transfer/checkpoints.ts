/** Records every two seconds what a power cut must not cost. */

import type { PullContext } from "./context.ts";
import type { Tasks } from "./tasks.ts";
import type { BlobPlan } from "./work/blob_plan.ts";

const EVERY_MS = 2000;

export class Checkpoints implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;

  /** Of the blobs that `plans` returns each time, until disposed. */
  constructor(
    private readonly plans: () => readonly BlobPlan[],
    private readonly tasks: Tasks,
    private readonly context: PullContext,
  ) {
    this.#timer = setInterval(() => this.#write(), EVERY_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #write(): void {
    for (const plan of this.plans()) {
      // A slow disk finishes one before the next is begun.
      if (!plan.saving) this.tasks.add(this.#checkpoint(plan));
    }
  }

  async #checkpoint(plan: BlobPlan): Promise<void> {
    plan.saving = true;
    try {
      const proven = await plan.ingest.checkpoint();
      if (!this.plans().includes(plan)) return;
      this.context.emit({ event: "checkpoint", digest: plan.blob.digest, proven });
    } finally {
      plan.saving = false;
    }
  }
}
