/** Whether a failed attempt is retried, and when. The kind of the failure decides what a retry can do. */

import { type Kind, PullamaError, remedyOf } from "../../core/errors.ts";
import { formatDuration } from "../../core/units.ts";
import type { Clock } from "../../io/clock.ts";

export interface RetryPolicy {
  /** Consecutive failures without progress before giving up. */
  readonly maxRetries: number;
  /** How long to keep retrying beyond that while network or server are down; milliseconds, may be Infinity. */
  readonly retryForMs: number;
}

/** Milliseconds. */
const FIRST_DELAY = 500;
const LONGEST_DELAY = 120_000;
/** During a long outage the network is tried this often, and a server that responds with an error. */
const OUTAGE_DELAY = 5000;
const SERVER_OUTAGE_DELAY = 60_000;
/** A server that asks for a longer delay than this ends the pull. */
const LONGEST_RETRY_AFTER = 600_000;
/** An attempt that made progress is followed by the next one without delay, but not more often than this. */
const IMMEDIATE_EVERY = 1000;
/** Consecutive new addresses of a blob that delivered nothing before giving up. */
const MOST_ADDRESSES = 5;

/** Failures without a response of the server. */
const NETWORK: readonly Kind[] = ["network", "timeout", "tls"];

/** An attempt that received so many bytes made progress. */
const GOOD_PROGRESS = 1024 * 1024;

/** The next attempt follows after `waitMs`. */
export interface RetryDelay {
  /** Number of the retry in a row, from 1. */
  readonly attempt: number;
  readonly limit: number;
  readonly waitMs: number;
  /** Milliseconds without progress; only beyond the retries of the policy. */
  readonly goneMs?: number;
}

/** The retries of one piece of work. */
export class Backoff {
  #retries = 0;
  #addresses = 0;
  #failingSince: number | undefined;
  #lastAttempt = -Infinity;

  constructor(private readonly policy: RetryPolicy, private readonly clock: Clock) {}

  /**
   * What follows after an attempt failed with `error` that had received `bytes`, of `needed`. `served`: such
   * requests of this pull have succeeded before. Throws the error, or one that says more, when it is not retried.
   */
  after(error: PullamaError, bytes: number, needed: number, served: boolean): RetryDelay {
    const remedy = remedyOf(error.kind);
    if (remedy === "none" || (remedy === "recheck" && !served)) throw error;
    if (bytes > 0) {
      this.#retries = 0;
      this.#addresses = 0;
      this.#failingSince = undefined;
    }
    this.#failingSince ??= this.clock.now();
    if (bytes >= Math.min(GOOD_PROGRESS, Math.max(1, needed / 100))) return this.#immediate();
    return remedy === "resolve" ? this.#newAddress(error, served) : this.#later(error);
  }

  #immediate(): RetryDelay {
    const now = this.clock.now();
    const waitMs = Math.max(0, this.#lastAttempt + IMMEDIATE_EVERY - now);
    this.#lastAttempt = now + waitMs;
    return { attempt: 1, limit: this.policy.maxRetries, waitMs };
  }

  #newAddress(error: PullamaError, served: boolean): RetryDelay {
    const attempt = ++this.#addresses;
    if (attempt > MOST_ADDRESSES) {
      const goneMs = this.#goneMs();
      if (!served || goneMs >= this.policy.retryForMs) throw error;
      const waitMs = Math.min(this.#delay(attempt - 1), SERVER_OUTAGE_DELAY);
      return { attempt, limit: MOST_ADDRESSES, waitMs, goneMs };
    }
    // The first time it has simply expired.
    const waitMs = attempt === 1 ? 0 : this.#delay(attempt - 1);
    return { attempt, limit: MOST_ADDRESSES, waitMs };
  }

  #later(error: PullamaError): RetryDelay {
    const asked = error.retryAfterMs ?? 0;
    if (asked > LONGEST_RETRY_AFTER) {
      throw new PullamaError(
        error.kind,
        `${error.message}, and asks to retry after ${formatDuration(asked)}`,
        { cause: error, hint: "run the same command again later: it resumes where it stopped" },
      );
    }
    const attempt = ++this.#retries;
    const { maxRetries: limit, retryForMs } = this.policy;
    const goneMs = this.#goneMs();
    if (attempt > limit && goneMs >= retryForMs) throw error;
    const longest = retryForMs === 0
      ? LONGEST_DELAY * 1.5
      : NETWORK.includes(error.kind)
      ? OUTAGE_DELAY
      : SERVER_OUTAGE_DELAY;
    const waitMs = Math.max(Math.min(this.#delay(attempt), longest), asked);
    return { attempt, limit, waitMs, ...(attempt > limit && { goneMs }) };
  }

  /** Milliseconds without progress. */
  #goneMs(): number {
    return this.clock.now() - this.#failingSince!;
  }

  /** Exponential, with jitter of half. */
  #delay(attempt: number): number {
    const delay = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** attempt);
    return Math.max(FIRST_DELAY, delay * (0.5 + this.clock.random()));
  }
}
