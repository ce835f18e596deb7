/** Whether the registry's chunk digests are believed when chunks do not match them. */

import type { Digest } from "../../core/digest.ts";

/** Downloads of one chunk that all differ from its digest before the digests are no longer believed. */
const MOST_COPIES = 6;

export class ChunkTrust {
  #copies = new Map<number, (Digest | undefined)[]>();
  #lost = false;

  /** Whether the digests turned out to be wrong. */
  get lost(): boolean {
    return this.#lost;
  }

  /**
   * Records a copy of the chunk at `start` with the digest `actual`, which is not the registry's. Two copies with
   * the same digest are no transmission error: then the registry's digest is wrong, and that of the blob decides.
   */
  isLostAfter(start: number, actual: Digest | undefined): boolean {
    const copies = this.#copies.get(start) ?? [];
    this.#lost ||= (actual !== undefined && copies.includes(actual)) ||
      copies.length + 1 >= MOST_COPIES;
    this.#copies.set(start, [...copies, actual]);
    return this.#lost;
  }
}
