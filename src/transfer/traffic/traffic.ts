/** The connections of a pull: how many there are, how fast they are, and which of them is replaced. */

import type { PullamaError } from "../../core/errors.ts";
import type { PullContext } from "../context.ts";
import { YIELD } from "../work/downloader.ts";
import type { Connection } from "./connection.ts";
import { MOST } from "./connection_count.ts";
import type { HostCounts } from "./counts_by_host.ts";
import type { Fetcher } from "./fetcher.ts";
import type { CountChange } from "./measuring.ts";

const TICK_MS = 100;
/** A connection is replaced when it is slower than the middle one by this factor, or receives nothing for so long. */
const FAR_BELOW = 5;
const QUIET_MS = 3000;
const QUIET_ROUND_TRIPS = 12;
/** A connection has a rate after so many milliseconds, and one is replaced that often. */
const SETTLED_MS = 3000;
const REPLACE_EVERY = 1000;
/** Others receive bytes if any have arrived in so many milliseconds. */
const RECENT_MS = 1500;

/** What the connections have to do. */
export interface Work {
  /** Bytes that are left, and small blobs. */
  readonly left: number;
  readonly smallLeft: number;
  /** There is work for more connections, large blobs and small ones. */
  readonly busy: boolean;
  readonly smallBusy: boolean;
}

export class Traffic implements Disposable {
  /** Those that download ranges. */
  readonly serving = new Set<Connection>();
  /** Small blobs being downloaded, and downloaded. */
  small = 0;
  smallDone = 0;
  readonly #timer: ReturnType<typeof setInterval>;
  #measuredAt: number;
  #replacedAt: number;
  #received = 0;
  #receivedAt = -Infinity;

  /** `most`: exactly so many connections; undefined: as many as serve. `changed` is called when more are wanted. */
  constructor(
    private readonly most: number | undefined,
    private readonly counts: HostCounts,
    private readonly fetcher: Fetcher,
    private readonly context: PullContext,
    private readonly work: () => Work,
    private readonly changed: () => void,
  ) {
    this.#measuredAt = this.#replacedAt = context.clock.now();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** How many connections are wanted for ranges. */
  get wanted(): number {
    const { most, small } = this;
    return most === undefined ? Math.min(this.counts.ranges.count, MOST - small) : most - small;
  }

  /** How many small blobs are wanted at a time. */
  get wantedSmall(): number {
    const { most, serving: { size } } = this;
    return most === undefined ? Math.min(this.counts.smalls.count, MOST - size) : most - size;
  }

  /** The mean rate of those that have one, in bytes a second; 0: unknown. */
  get usualRate(): number {
    let [sum, count] = [0, 0];
    for (const { rate } of this.serving) {
      if (rate === 0) continue;
      sum += rate;
      count++;
    }
    return count === 0 ? 0 : sum / count;
  }

  /** An attempt failed after so many bytes. Throws YIELD where fewer connections are wanted. */
  refused(error: PullamaError, bytes: number, what: "range" | "small"): void {
    const { most, serving, small } = this;
    if (
      bytes > 0 || most !== undefined || !(error.kind === "unavailable" || error.kind === "network")
    ) return;
    const now = this.context.clock.now();
    if (now - this.#receivedAt > RECENT_MS) return;
    const count = what === "small" ? this.counts.smalls : this.counts.ranges;
    this.#report(count.refused(now), what);
    if ((what === "small" ? small : serving.size) > count.count) throw YIELD;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const now = this.context.clock.now();
    const ms = now - this.#measuredAt;
    if (ms <= 0) return;
    this.#measuredAt = now;
    const { received, roundTripMs } = this.fetcher;
    if (received > this.#received) this.#receivedAt = now;
    this.#received = received;
    const speeds = [...this.serving].map(({ speed }) => speed);
    const allQuiet = speeds.every(({ fresh }) => fresh === 0);
    for (const speed of speeds) speed.measure(ms, allQuiet);
    this.#repeatAgain();
    if (now - this.#replacedAt >= REPLACE_EVERY) this.#replaceSlow(now);
    if (this.most !== undefined) return;
    const { left, busy, smallLeft, smallBusy } = this.work();
    const active = [...this.serving].filter(({ speed }) => speed.ageMs > 0).length;
    const common = { now, roundTripMs };
    const ranges = { ...common, received, active, busy, left };
    this.#report(this.counts.ranges.measure(ranges), "range");
    const small = {
      received: this.smallDone,
      active: this.small,
      busy: smallBusy,
      left: smallLeft,
    };
    this.#report(this.counts.smalls.measure({ ...common, ...small }), "small");
  }

  #report(change: CountChange | undefined, of: "range" | "small"): void {
    if (!change) return;
    this.context.emit({ event: "connections", of, ...change });
    this.changed();
  }

  /** Gives up repetitions that stand still as well, so that the range is requested once more. */
  #repeatAgain(): void {
    for (const { current, quietMs, speed } of this.serving) {
      if (!current?.repeats || quietMs < this.#longestQuietMs) continue;
      speed.renew();
      current.abort?.(YIELD);
    }
  }

  get #longestQuietMs(): number {
    return Math.max(QUIET_MS, QUIET_ROUND_TRIPS * this.fetcher.roundTripMs);
  }

  /** Gives what the slowest connection downloads to a new one, if it is far slower than most. */
  #replaceSlow(now: number): void {
    const settled = [...this.serving].filter(({ speed }) => speed.ageMs >= SETTLED_MS)
      .sort((a, b) => a.rate - b.rate);
    const [slowest] = settled;
    const middle = settled[settled.length >> 1]?.rate ?? 0;
    if (!slowest?.current || settled.length < 3) return;
    const { speed, rate, quietMs, current } = slowest;
    const { roundTripMs } = this.fetcher;
    const quiet = quietMs >= this.#longestQuietMs;
    const { position, end, plan, comparing } = current;
    if (comparing || !plan.ranged || !(quiet || rate < middle / FAR_BELOW)) return;
    // What is done soon is not worth a new connection.
    if (!quiet && (end - position) / rate * 1000 < 4 * roundTripMs) return;
    this.#replacedAt = now;
    const slow = { bytesPerSecond: Math.round(middle / FAR_BELOW), ms: SETTLED_MS };
    this.context.emit({
      event: "stall",
      digest: plan.blob.digest,
      silentMs: Math.round(quietMs),
      ...(!quiet && { slow }),
    });
    speed.renew();
    current.abort?.(YIELD);
  }
}
