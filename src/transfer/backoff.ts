/** How often and how soon a failed attempt is made again. Which failures that helps is told by their kind. */

import { PullamaError, remedyOf } from "../core/errors.ts";
import { formatDuration } from "../core/units.ts";
import type { Clock } from "./clock.ts";

export interface RetryPolicy {
  /** Failures in a row, without a byte in between, that are forgiven. */
  readonly maxRetries: number;
  /** How long to go on beyond that while the line or the server is gone; milliseconds, may be Infinity. */
  readonly retryForMs: number;
}

/** Milliseconds. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 120_000;
/** Whoever waits for hours looks this often whether the line is back, and asks a server that is down. */
const LOOK_AGAIN = 5000;
const ASK_AGAIN = 60_000;
/** A server that asks for more patience than this is not waited for. */
const LONGEST_RETRY_AFTER = 600_000;
/** After an attempt that went well for a while the next one follows at once, but not more often than this. */
const AT_ONCE_EVERY = 1000;
/** New addresses of a blob, in a row, without a byte from any of them. */
const MOST_ADDRESSES = 5;

/** Bytes after which an attempt counts as having gone well. */
const GOOD_ATTEMPT = 1024 * 1024;

/** What to do about a failure: try again after `waitMs`. */
export interface RetryDelay {
  /** Which retry in a row this is, from 1. */
  readonly attempt: number;
  readonly limit: number;
  readonly waitMs: number;
  /** Since when, in milliseconds, nothing has come; only beyond the retries that are forgiven. */
  readonly goneMs?: number;
}

/** The patience with one piece of work: its failures so far. */
export class Backoff {
  #waits = 0;
  #addresses = 0;
  #failingSince: number | undefined;
  #lastAttempt = -Infinity;

  constructor(private readonly policy: RetryPolicy, private readonly clock: Clock) {}

  /**
   * What follows after an attempt failed with `error` that had brought `bytes`, of `wanted`. Throws the error,
   * or one that says more, when nothing does.
   */
  after(error: PullamaError, bytes: number, needed: number): RetryDelay {
    const remedy = remedyOf(error.kind);
    if (remedy === "none") throw error;
    if (bytes > 0) {
      this.#waits = 0;
      this.#addresses = 0;
      this.#failingSince = undefined;
    }
    this.#failingSince ??= this.clock.now();
    if (bytes >= Math.min(GOOD_ATTEMPT, Math.max(1, needed / 100))) return this.#atOnce();
    return remedy === "resolve" ? this.#elsewhere(error) : this.#later(error);
  }

  #atOnce(): RetryDelay {
    const now = this.clock.now();
    const waitMs = Math.max(0, this.#lastAttempt + AT_ONCE_EVERY - now);
    this.#lastAttempt = now + waitMs;
    return { attempt: 1, limit: this.policy.maxRetries, waitMs };
  }

  #elsewhere(error: PullamaError): RetryDelay {
    const attempt = ++this.#addresses;
    if (attempt > MOST_ADDRESSES) throw error;
    // The first time it has simply expired.
    const waitMs = attempt === 1 ? 0 : this.#backOff(attempt - 1);
    return { attempt, limit: MOST_ADDRESSES, waitMs };
  }

  #later(error: PullamaError): RetryDelay {
    const asked = error.retryAfterMs ?? 0;
    if (asked > LONGEST_RETRY_AFTER) {
      throw new PullamaError(
        error.kind,
        `${error.message}, and asks to be left alone for ${formatDuration(asked)}`,
        { cause: error, hint: "run the same command again later: it goes on where it stopped" },
      );
    }
    const attempt = ++this.#waits;
    const { maxRetries: limit, retryForMs } = this.policy;
    const goneMs = this.clock.now() - this.#failingSince!;
    if (attempt > limit && goneMs >= retryForMs) throw error;
    const longest = retryForMs === 0
      ? LONGEST_WAIT * 1.5
      : error.kind === "unavailable" || error.kind === "protocol"
      ? ASK_AGAIN
      : LOOK_AGAIN;
    const waitMs = Math.max(Math.min(this.#backOff(attempt), longest), asked);
    return { attempt, limit, waitMs, ...(attempt > limit && { goneMs }) };
  }

  #backOff(attempt: number): number {
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt);
    return Math.max(FIRST_WAIT, wait * (0.5 + this.clock.random()));
  }
}
