/** How much of one blob is done. */

import type { Descriptor } from "../core/manifest.ts";
import type { EmitPush } from "../core/reports/push.ts";

/** Bytes that count as progress: less of it may be a registry that takes a byte at a time. */
const LEAST_GAIN = 256 * 1024;

export class BlobAmounts {
  /** Bytes that are counted as done. */
  #counted = 0;
  #sent = 0;
  /** The most that the registry had, and the same before the last failure. */
  #best: number | undefined;
  #bestBefore = 0;

  constructor(private readonly blob: Descriptor, private readonly emit: EmitPush) {}

  /** Bytes that were sent, whether the registry kept them or not. */
  get sent(): number {
    return this.#sent;
  }

  /** Whether the registry had any of it in this run. */
  get had(): boolean {
    return (this.#best ?? 0) > 0;
  }

  /** The registry has so many bytes. */
  acknowledged(offset: number): void {
    if (this.#best === undefined) {
      this.emit({ event: "upload_start", blob: this.blob, kept: offset });
      // What an earlier run has sent is no gain of this one.
      this.#bestBefore = offset;
    }
    this.#best = Math.max(this.#best ?? 0, offset);
    this.reset(offset);
  }

  passed(count: number): void {
    this.#sent += count;
    this.#count(this.#counted + count, true);
  }

  /** So many bytes are done: what was sent after them is sent again. */
  reset(done: number): void {
    this.#count(done, false);
  }

  /** By how much more the registry has had than ever before, since the last call; 0 as long as that is no progress. */
  gained(): number {
    const best = this.#best ?? 0;
    const gain = best - this.#bestBefore;
    if (gain < LEAST_GAIN && best < this.blob.size) return 0;
    this.#bestBefore = best;
    return gain;
  }

  #count(done: number, moved: boolean): void {
    const count = done - this.#counted;
    this.#counted = done;
    if (count !== 0) this.emit({ event: "bytes", count, moved: moved ? count : 0 });
  }
}
