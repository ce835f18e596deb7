/** Whether the registry's list of chunk digests is to be believed, when chunks do not match it. */

import type { Digest } from "../../core/digest.ts";

/** A line that damages every copy in another way is not waited for longer. */
const MOST_COPIES = 6;

/** The copies of chunks that did not match. Once certain, the list stays out of use. */
export class ChunkTrust {
  #copies = new Map<number, (Digest | undefined)[]>();
  #certain = false;

  /** Whether the list was found to lie. */
  get lost(): boolean {
    return this.#certain;
  }

  /**
   * Another copy of the chunk at `start` came, with a digest that is not the list's. Two copies alike are not
   * a fault of the line: then it is the list that is wrong, and the digest of the whole has to decide.
   */
  isLostAfter(start: number, actual: Digest | undefined): boolean {
    const copies = this.#copies.get(start) ?? [];
    this.#certain ||= (actual !== undefined && copies.includes(actual)) ||
      copies.length + 1 >= MOST_COPIES;
    this.#copies.set(start, [...copies, actual]);
    return this.#certain;
  }
}
