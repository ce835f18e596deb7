/** Detects connections that have stalled or are extremely slow. */

import type { ByteReader } from "./byte_reader.ts";

/** When a connection counts as stalled. Times in milliseconds. */
export interface StallLimits {
  /** Without data on any connection: the network may be down. */
  readonly alone: number;
  /** While other connections receive bytes. */
  readonly besideOthers: number;
  /** Bytes per second, over `slowMs`, below which a connection counts as stalled; 0: no minimum. */
  readonly slowest: number;
  readonly slowMs: number;
}

export const DEFAULT_STALL_LIMITS: StallLimits = {
  alone: 30_000,
  besideOthers: 10_000,
  slowest: 1000,
  slowMs: 60_000,
};

interface Watched {
  /** Start of the pending read; undefined if there is none. */
  waitingSince: number | undefined;
  /** Waiting time in milliseconds, and the bytes received in it, for the minimum rate. */
  waited: number;
  received: number;
  readonly stalled: (silentMs: number) => void;
}

/** Watches all connections of a pull with one timer, which runs while there are any. */
export class StallWatch {
  #watched = new Set<Watched>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #lastBytes = 0;

  constructor(
    private readonly limits: StallLimits = DEFAULT_STALL_LIMITS,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** `reader`, watched until its end. `stalled` is called at most once and must end the read. */
  over(reader: ByteReader, stalled: (silentMs: number) => void): ByteReader {
    const watched: Watched = { waitingSince: undefined, waited: 0, received: 0, stalled };
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
    const { alone, besideOthers } = this.limits;
    this.#timer ??= setInterval(() => this.#check(), Math.min(alone, besideOthers) / 20);
  }

  #end(watched: Watched): void {
    this.#watched.delete(watched);
    if (this.#watched.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #arrived(watched: Watched, count: number): void {
    const now = this.now();
    watched.waited += now - (watched.waitingSince ?? now);
    watched.waitingSince = undefined;
    watched.received += count;
    if (count > 0) this.#lastBytes = now;
    if (watched.waited >= this.limits.slowMs && !this.#isSlow(watched)) {
      watched.waited = 0;
      watched.received = 0;
    }
  }

  #isSlow({ waited, received }: Watched): boolean {
    return waited >= this.limits.slowMs && received < (waited / 1000) * this.limits.slowest;
  }

  #check(): void {
    const now = this.now();
    for (const watched of [...this.#watched]) {
      const since = watched.waitingSince;
      const silent = since === undefined ? 0 : now - since;
      const others = since !== undefined && this.#lastBytes > since;
      const limit = others ? this.limits.besideOthers : this.limits.alone;
      const waited = watched.waited + silent;
      if (silent < limit && !this.#isSlow({ ...watched, waited })) continue;
      this.#end(watched);
      watched.stalled(Math.round(silent));
    }
  }
}
