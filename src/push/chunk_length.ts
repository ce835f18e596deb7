/** How many bytes one request sends. */

import type { Kind, PullamaError } from "../core/errors.ts";

/** Milliseconds that one takes at best: after a signal it may end. */
const GOAL_MS = 1500;
const FIRST = 4 * 1024 * 1024;
const LEAST = 512 * 1024;
/** Failures of a request in the middle. */
const BROKEN: readonly Kind[] = ["network", "timeout"];
/** Also after failures, and at a low limit. */
const LEAST_AFTER_FAILURES = 64 * 1024;

/**
 * As many as take a second or two, up to `most`. Some registries forget an upload of which a request broke off: short ones
 * can end when the push is stopped, and less is sent twice after a failure.
 */
export class ChunkLength {
  #length: number;
  readonly #least: number;

  /** `rate`: the bytes per second that are allowed for this one of several uploads; undefined: no limit. */
  constructor(private readonly most: number, rate = Infinity) {
    const allowed = Math.max(Math.floor(rate / 1000 * GOAL_MS), LEAST_AFTER_FAILURES);
    this.#length = Math.min(FIRST, most, allowed);
    this.#least = Math.min(LEAST, allowed);
  }

  get bytes(): number {
    return this.#length;
  }

  /** A request with `bytes` has taken `ms` milliseconds. */
  took(bytes: number, ms: number): void {
    const goal = ms > 0 ? bytes / ms * GOAL_MS : Infinity;
    this.#length = Math.floor(Math.min(Math.max(goal, this.#least), 2 * this.#length, this.most));
  }

  /** Where the network often breaks off requests, those of half the length may get through. */
  failed({ kind }: PullamaError): void {
    if (!BROKEN.includes(kind)) return;
    this.#length = Math.min(this.#length, Math.max(this.#length >> 1, LEAST_AFTER_FAILURES));
  }
}
