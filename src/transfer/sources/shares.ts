/** Which of several mirrors the next range is requested from: the first one, unless another is clearly faster. */

import type { Clock } from "../../io/clock.ts";

/** Requests to the first at the same time, after which the next one is to show how fast another is. */
const ENOUGH = 3;
/** How much faster a connection to another has to be. */
const CLEARLY = 1.25;
/** Shorter responses say nothing about the rate, in bytes, and need no other mirror. */
const LEAST = 512 * 1024;
/** Milliseconds after the first request, before which another mirror is no gain. */
const SETTLED_MS = 5000;
/** Milliseconds after which a rate has to be found out again. */
const VALID_MS = 30_000;

interface Rate {
  /** Bytes a second of all its connections. */
  readonly perSecond: number;
  readonly at: number;
}

/**
 * A mirror may have no more to give, whatever the number of connections: what one more would get is its share of the
 * rate that all had until now. Each next connection is opened where that is most, until it is the same everywhere.
 */
export class Shares<T> {
  readonly #rates = new Map<T, Rate>();
  readonly #open = new Map<T, number>();
  readonly #tried = new Map<T, number>();
  #since: number | undefined;

  constructor(private readonly clock: Pick<Clock, "now">) {}

  /** `sources` in the order in which they are asked for the next `bytes`. */
  ordered(sources: readonly T[], bytes: number): readonly T[] {
    const [first, ...others] = sources;
    if (first === undefined || others.length === 0 || bytes < LEAST) return sources;
    const enough = this.#rateOf(first) !== undefined && this.#openOf(first) >= ENOUGH &&
      this.clock.now() - (this.#since ?? Infinity) >= SETTLED_MS;
    const unknown = others.find((other) => !this.#wasTried(other) && this.#openOf(other) === 0);
    const best = enough && unknown ? unknown : this.#fastest(first, others);
    return [best, ...sources.filter((source) => source !== best)];
  }

  /** A request to `source` begins; call the result when its response has ended, with the bytes of that. */
  begin(source: T): (bytes: number) => void {
    const began = this.clock.now();
    this.#since ??= began;
    const before = this.#openOf(source) + 1;
    this.#open.set(source, before);
    return (bytes) => {
      const after = this.#openOf(source);
      this.#open.set(source, after - 1);
      const now = this.clock.now();
      this.#tried.set(source, now);
      if (bytes < LEAST || now <= began) return;
      const perSecond = bytes / (now - began) * 1000 * (before + after) / 2;
      const known = this.#rateOf(source) ?? perSecond;
      this.#rates.set(source, { perSecond: (known + perSecond) / 2, at: now });
    };
  }

  #fastest(first: T, others: readonly T[]): T {
    if (this.#rateOf(first) === undefined) return first;
    const share = (source: T) => (this.#rateOf(source) ?? 0) / (this.#openOf(source) + 1);
    const best = others.reduce((a, b) => share(b) > share(a) ? b : a);
    return share(best) > share(first) * CLEARLY ? best : first;
  }

  #wasTried(source: T): boolean {
    return this.clock.now() - (this.#tried.get(source) ?? -Infinity) < VALID_MS;
  }

  #openOf(source: T): number {
    return this.#open.get(source) ?? 0;
  }

  #rateOf(source: T): number | undefined {
    const rate = this.#rates.get(source);
    return rate && this.clock.now() - rate.at < VALID_MS ? rate.perSecond : undefined;
  }
}
