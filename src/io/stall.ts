/** Detects connections that have stalled or are extremely slow. */

import { PullamaError } from "../core/errors.ts";
import { formatDuration, tooSlowText } from "../core/units.ts";
import type { ByteReader } from "./byte_reader.ts";

/** When a connection counts as stalled. Times in milliseconds. */
export interface StallLimits {
  /** Without data on any connection: the network may be down. */
  readonly alone: number;
  /** While other connections receive bytes. */
  readonly besideOthers: number;
  /**
   * Bytes per second, over `slowMs`. A connection below it counts as stalled if all connections
   * together are below it as well, or if the others receive far more; 0: no minimum.
   */
  readonly slowest: number;
  readonly slowMs: number;
}

/** How a connection stalled: no data for `silentMs`; or `slow`, less than the minimum for so long. */
export interface Stall {
  readonly silentMs: number;
  readonly slow?: { readonly bytesPerSecond: number; readonly ms: number };
}

/** The error of a connection that has stalled. */
export function stallError({ silentMs, slow }: Stall): PullamaError {
  const hint = "check the network connection";
  const reason = slow
    ? tooSlowText(slow.bytesPerSecond, slow.ms)
    : `no data received for ${formatDuration(silentMs)}`;
  return new PullamaError("timeout", reason, { hint });
}

export const DEFAULT_STALL_LIMITS: StallLimits = {
  alone: 30_000,
  besideOthers: 10_000,
  slowest: 1000,
  slowMs: 60_000,
};

/** A slow connection is as fast as the others if they receive no more than so many times its bytes. */
const ALIKE = 4;

/** A check that is late by more milliseconds shows that the process was suspended. */
const LATE_MS = 2_000;

interface Watched {
  /** Start of the pending read; undefined if there is none. */
  waitingSince: number | undefined;
  /**
   * Waiting time in milliseconds, the bytes received in it, and those of all connections before it,
   * for the minimum rate.
   */
  waited: number;
  received: number;
  before: number;
  readonly stalled: (stall: Stall) => void;
}

/** Watches all connections of a pull with one timer, which runs while there are any. */
export class StallWatch {
  #watched = new Set<Watched>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #lastBytes = 0;
  /** Bytes of all connections. */
  #total = 0;
  #checkedAt = 0;

  constructor(
    readonly limits: StallLimits = DEFAULT_STALL_LIMITS,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** `reader`, watched until its end. `stalled` is called at most once and must end the read. */
  over(reader: ByteReader, stalled: (stall: Stall) => void): ByteReader {
    const before = this.#total;
    const watched: Watched = { waitingSince: undefined, waited: 0, received: 0, before, stalled };
    this.#begin(watched);
    return {
      read: async (buffer) => {
        watched.waitingSince = this.now();
        let ended = true;
        try {
          const piece = await reader.read(buffer);
          this.#arrived(watched, piece.value?.byteLength ?? 0);
          ended = piece.done;
          return piece;
        } finally {
          if (ended) this.#end(watched);
        }
      },
      cancel: () => {
        this.#end(watched);
        return reader.cancel();
      },
    };
  }

  #begin(watched: Watched): void {
    this.#watched.add(watched);
    if (this.#timer !== undefined) return;
    this.#checkedAt = this.now();
    this.#timer = setInterval(() => this.#check(), this.#intervalMs());
  }

  #intervalMs(): number {
    return Math.min(this.limits.alone, this.limits.besideOthers) / 20;
  }

  #end(watched: Watched): void {
    this.#watched.delete(watched);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /**
   * The current time. If the process was suspended since the last check, pending reads get their
   * time again: what has arrived for them has not been read yet.
   */
  #time(): number {
    const now = this.now();
    if (now - this.#checkedAt > this.#intervalMs() + LATE_MS) {
      for (const watched of this.#watched) {
        if (watched.waitingSince !== undefined) watched.waitingSince = now;
      }
      this.#checkedAt = now;
    }
    return now;
  }

  #arrived(watched: Watched, count: number): void {
    const now = this.#time();
    watched.waited += now - (watched.waitingSince ?? now);
    watched.waitingSince = undefined;
    watched.received += count;
    this.#total += count;
    if (count > 0) this.#lastBytes = now;
    if (watched.waited >= this.limits.slowMs && !this.#isSlow(watched, watched.waited)) {
      watched.waited = 0;
      watched.received = 0;
      watched.before = this.#total;
    }
  }

  /**
   * Whether a connection that has `waited` so long is slower than the network: on a slow one, which
   * is shared by all connections, each may be below the minimum.
   */
  #isSlow({ received, before }: Watched, waited: number): boolean {
    const minimum = (waited / 1000) * this.limits.slowest;
    if (waited < this.limits.slowMs || received >= minimum) return false;
    const all = this.#total - before;
    const others = (all - received) / Math.max(1, this.#watched.size - 1);
    return all < minimum || others > ALIKE * received;
  }

  #check(): void {
    const now = this.#time();
    this.#checkedAt = now;
    for (const watched of [...this.#watched]) {
      const since = watched.waitingSince;
      const silent = since === undefined ? 0 : now - since;
      const others = since !== undefined && this.#lastBytes > since;
      const limit = others ? this.limits.besideOthers : this.limits.alone;
      const slow = silent < limit && this.#isSlow(watched, watched.waited + silent);
      if (silent < limit && !slow) continue;
      this.#end(watched);
      const { slowest: bytesPerSecond, slowMs: ms } = this.limits;
      const silentMs = Math.round(silent);
      watched.stalled(slow ? { silentMs, slow: { bytesPerSecond, ms } } : { silentMs });
    }
  }
}
