/** Noticing connections that have fallen silent, or nearly: such a read is ended, not waited for. */

import type { ByteReader } from "./byte_reader.ts";

/** When a silence is too long, in milliseconds. */
export interface StallLimits {
  /** With nothing to compare with: the whole line may be down. */
  readonly alone: number;
  /** While other connections receive bytes. */
  readonly besideOthers: number;
  /** Bytes a second, over `slowMs`, below which a trickle counts as silence; 0: any. */
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
  /** Since when a read has been waiting; undefined while nobody waits for bytes. */
  waitingSince: number | undefined;
  /** The stretch over which the trickle is measured: waiting time and bytes in it. */
  waited: number;
  received: number;
  readonly stalled: (silentMs: number) => void;
}

/** Watches all connections of a pull with one timer, which runs while there is something to watch. */
export class StallWatch {
  #watched = new Set<Watched>();
  #timer: ReturnType<typeof setInterval> | undefined;
  #lastBytes = 0;

  constructor(
    private readonly silence: StallLimits = DEFAULT_STALL_LIMITS,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** `reader`, watched until its end. `stalled` is called once, and has to make the read end. */
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
    const { alone, besideOthers } = this.silence;
    this.#timer ??= setInterval(() => this.#look(), Math.min(alone, besideOthers) / 20);
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
    if (watched.waited >= this.silence.slowMs && !this.#trickles(watched)) {
      watched.waited = 0;
      watched.received = 0;
    }
  }

  #trickles({ waited, received }: Watched): boolean {
    return waited >= this.silence.slowMs && received < (waited / 1000) * this.silence.slowest;
  }

  #look(): void {
    const now = this.now();
    for (const watched of [...this.#watched]) {
      const since = watched.waitingSince;
      const silent = since === undefined ? 0 : now - since;
      const others = since !== undefined && this.#lastBytes > since;
      const limit = others ? this.silence.besideOthers : this.silence.alone;
      const waited = watched.waited + silent;
      if (silent < limit && !this.#trickles({ ...watched, waited })) continue;
      this.#end(watched);
      watched.stalled(Math.round(silent));
    }
  }
}
