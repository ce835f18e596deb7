/** The SHA-256 of bytes that are sent in order, of which some may have to be sent again. */

import { createHash, type Hash } from "node:crypto";
import { type Digest, digestOf } from "../../core/digest.ts";

/** Bytes between two states that are kept. */
const EVERY = 1024 * 1024;

interface State {
  readonly position: number;
  readonly hash: Hash;
}

export class RunningHash {
  #states: State[] = [];
  #hash: Hash = createHash("sha256");
  #position = 0;

  /** The number of bytes. */
  get position(): number {
    return this.#position;
  }

  /** Adds the next bytes. */
  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#position += bytes.length;
    const last = this.#states.at(-1)?.position ?? 0;
    if (this.#position - last >= EVERY) this.mark();
  }

  /** Keeps the state at this position, to return to it. */
  mark(): void {
    if (this.#states.at(-1)?.position === this.#position) return;
    this.#states.push({ position: this.#position, hash: this.#hash.copy() });
  }

  /** Goes back to `position`, or to the last state before it that was kept. */
  rewind(position: number): void {
    if (this.#position <= position) return;
    while ((this.#states.at(-1)?.position ?? 0) > position) this.#states.pop();
    const state = this.#states.at(-1);
    this.#hash = state?.hash.copy() ?? createHash("sha256");
    this.#position = state?.position ?? 0;
  }

  /** Forgets the states before `position`, except the last one of them. */
  settle(position: number): void {
    const next = this.#states.findIndex((state) => state.position > position);
    const count = (next === -1 ? this.#states.length : next) - 1;
    if (count > 0) this.#states = this.#states.slice(count);
  }

  digest(): Digest {
    return digestOf(this.#hash.copy().digest("hex"));
  }
}
