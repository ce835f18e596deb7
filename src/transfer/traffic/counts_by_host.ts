/** What the pulls of one process have found out about the numbers of connections that hosts serve. */

import { ConnectionCount, FEWEST } from "./connection_count.ts";

/** Small blobs cost round trips rather than bandwidth: more of them are requested at a time from the start. */
const FEWEST_SMALL = 16;
/** Where a round trip takes longer, in milliseconds, connections take long to get fast: it begins with more. */
const FAR_MS = 30;

/** Connections for ranges of large blobs, and for small blobs. */
export interface HostCounts {
  readonly ranges: ConnectionCount;
  readonly smalls: ConnectionCount;
}

export class CountsByHost {
  readonly #free = new Map<string, HostCounts>();

  /** Those of an earlier pull from `host`, unless another pull uses them now. */
  take(host: string, roundTripMs: number): HostCounts {
    const known = this.#free.get(host);
    this.#free.delete(host);
    known?.ranges.begin();
    known?.smalls.begin();
    const far = roundTripMs > FAR_MS ? 2 : 1;
    return known ?? {
      ranges: new ConnectionCount(far * FEWEST),
      smalls: new ConnectionCount(far * FEWEST_SMALL),
    };
  }

  /** The pull has ended. */
  giveBack(host: string, counts: HostCounts): void {
    this.#free.set(host, counts);
  }
}
