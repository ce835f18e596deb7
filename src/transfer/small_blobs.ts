/** Small blobs: each is downloaded into memory, verified, and stored in one step, many at a time. */

import { digestMismatch, MISMATCH, MOST_DOWNLOADS } from "./repair/repair.ts";
import type { Pace } from "../io/limit.ts";
import { isSmallMissing, type NeededBlob, type OpeningTools } from "./opening.ts";
import type { Tasks } from "./tasks.ts";
import type { SmallConnection } from "./traffic/small_connection.ts";
import type { Traffic } from "./traffic/traffic.ts";
import { YIELD } from "./work/downloader.ts";

/** Blobs below this are stored in one step: a kill costs no more than that. Larger ones are resumed at the byte. */
export const SMALL: number = 1024 * 1024;
/** Bytes that wait to be stored: the disk syncs many files in little more time than one. */
const MOST_WAITING = 16 * 1024 * 1024;

export interface SmallBlobsTools extends OpeningTools {
  readonly pace: Pace;
  readonly traffic: Traffic;
  readonly tasks: Tasks;
  /** Of which those that download are a part. */
  readonly downloads: Set<Promise<void>>;
  readonly connect: () => SmallConnection;
  /** There may be more to do. */
  readonly changed: () => void;
}

export class SmallBlobs {
  /** Those that are not looked at yet, and those that have to be downloaded. */
  readonly #pending: NeededBlob[];
  readonly #missing: NeededBlob[] = [];
  readonly #idle: SmallConnection[] = [];
  #looking = false;
  #waiting = 0;

  constructor(private readonly tools: SmallBlobsTools, needed: readonly NeededBlob[]) {
    this.#pending = [...needed].reverse();
  }

  /** How many have not been begun. */
  get left(): number {
    return this.#pending.length + this.#missing.length;
  }

  /** Downloads as many at a time as are wanted. */
  dispatch(): void {
    const { traffic, pace } = this.tools;
    if (!this.#looking && this.#missing.length < traffic.wantedSmall) {
      const next = this.#pending.pop();
      if (next) this.#look(next);
    }
    while (pace.open && traffic.small < traffic.wantedSmall && this.#waiting < MOST_WAITING) {
      const next = this.#missing.shift();
      if (!next) return;
      this.#begin(next);
    }
  }

  #look(needed: NeededBlob): void {
    this.#looking = true;
    const looked = () => {
      this.#looking = false;
      this.tools.changed();
    };
    // One that has to be waited for keeps no other from being downloaded.
    const on = { waiting: looked, lost: () => {} };
    const missing = isSmallMissing(this.tools, needed, on).then((missing) => {
      if (!missing) return;
      this.#missing.push(needed);
      this.tools.context.emit({ event: "blob_start", blob: needed.ref, kept: 0 });
    });
    this.tools.tasks.add(missing.finally(looked));
  }

  #begin(needed: NeededBlob): void {
    const { tasks, downloads } = this.tools;
    const fetched = this.#complete(needed).catch((error) => {
      if (error !== YIELD) throw error;
      this.#missing.unshift(needed);
    });
    tasks.add(fetched, downloads);
  }

  /** Downloads and stores a blob. Throws `digest` if the last download has the wrong digest as well. */
  async #complete({ blob, ref }: NeededBlob): Promise<void> {
    const { session, fetcher, context: { emit, clock } } = this.tools;
    const { digest, size } = blob;
    const began = clock.now();
    for (let downloads = 1;; downloads++) {
      const bytes = await this.#download(blob);
      this.#waiting += size;
      const actual = await session.put(blob, bytes).finally(() => this.#waiting -= size);
      if (actual === digest) break;
      // Those of each other source count anew.
      if (fetcher.forgetAddress(blob).length > 0) downloads = 0;
      if (downloads === MOST_DOWNLOADS) throw digestMismatch(blob, actual);
      emit({ event: "bytes_lost", digest, count: 0, reason: MISMATCH });
    }
    emit({ event: "bytes", digest, count: size });
    emit({ event: "blob_verified", blob: ref, elapsedMs: clock.now() - began });
  }

  async #download(blob: NeededBlob["blob"]): Promise<Uint8Array> {
    const { traffic, connect, changed } = this.tools;
    const connection = this.#idle.pop() ?? connect();
    traffic.small++;
    try {
      const bytes = await connection.download(blob);
      traffic.smallDone++;
      return bytes;
    } finally {
      traffic.small--;
      this.#idle.push(connection);
      changed();
    }
  }
}
