/** What a pull receives: how it is measured, for how long, and the rates that follow from it. */

/** What a pull has received; taken several times a second. */
export interface Measurement {
  /** Milliseconds. */
  readonly now: number;
  /** Bytes, or blobs, since the beginning. */
  readonly received: number;
  /** Connections that have begun to receive. */
  readonly active: number;
  /** All connections have work to do. */
  readonly busy: boolean;
  /** From a request to its response, in milliseconds. */
  readonly roundTripMs: number;
  /** What is left to receive. */
  readonly left: number;
}

/** How long is measured: for so many milliseconds, and so many round trips, after new connections have taken off. */
export interface Span {
  readonly leadTrips: number;
  readonly ms: number;
  readonly trips: number;
}
/** In the first seconds, after a drop, and when the rate is steady. */
export const FIRST: Span = { leadTrips: 1.5, ms: 250, trips: 2.5 };
export const AGAIN: Span = { leadTrips: 3, ms: 500, trips: 5 };
export const STEADY: Span = { leadTrips: 3, ms: 1500, trips: 6 };
/** Fewer connections need time to take what the others have left. */
export const FEWER: Span = { leadTrips: 10, ms: 4000, trips: 30 };

/** A new number, and why. */
export interface CountChange {
  readonly count: number;
  readonly reason: string;
}

/** A number of connections, and what is received per second with it. */
export interface Level {
  readonly count: number;
  readonly rate: number;
}

interface Sample {
  /** Milliseconds. */
  readonly now: number;
  readonly received: number;
}

export class RateSamples {
  #samples: Sample[] = [];

  add(sample: Sample): void {
    this.#samples.push(sample);
  }

  /** Received per second in the last `span` milliseconds. */
  rate(span: number): number {
    const last = this.#samples.at(-1);
    if (!last) return 0;
    const first = this.#samples.find(({ now }) => now >= last.now - span) ?? last;
    const ms = last.now - first.now;
    return ms > 0 ? (last.received - first.received) / ms * 1000 : 0;
  }

  /** Forgets what is much older than `span` milliseconds. */
  forget(span: number): void {
    const before = (this.#samples.at(-1)?.now ?? 0) - span;
    const [first] = this.#samples;
    // Not one by one: that would move the others each time.
    if (first && first.now < before - span) {
      this.#samples = this.#samples.filter(({ now }) => now >= before);
    }
  }
}

/** A number that is found out later than this before the end, in milliseconds, serves nothing. */
const TOO_LATE_MS = 700;

/** Whether so little is left that a new number would come too late. */
export function isShort(rate: number, { left, roundTripMs }: Measurement): boolean {
  return left < rate * (TOO_LATE_MS + 10 * roundTripMs) / 1000;
}
