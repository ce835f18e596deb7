/** One connection's end of an unfinished blob. */

import type { Writer } from "../../core/content.ts";
import type { DiskFile } from "../../io/disk.ts";
import type { Segment } from "./segments.ts";

/** A write of a few hundred kB that takes longer than this has met the disk, in milliseconds. */
const SLOW_MS = 20;

/**
 * How data is written. Into the page cache it goes fastest at once: a thread would cost more than the copy.
 * A disk that cannot keep up makes that wait; then threads do it, so that signals and the screen never do.
 */
export class WritePace {
  #quick = true;

  async write(file: DiskFile, bytes: Uint8Array, offset: number): Promise<void> {
    if (!this.#quick) return await file.writeAt(bytes, offset);
    const began = performance.now();
    file.writeNowAt(bytes, offset);
    this.#quick = performance.now() - began < SLOW_MS;
  }
}

/** Bytes arriving at the end of one segment. One write at a time; `closed` is told once. */
export class BlobWriter implements Writer {
  #open = true;

  constructor(
    private readonly file: DiskFile,
    private readonly segment: Segment,
    private readonly pace: WritePace,
    private readonly tell: { readonly wrote: () => void; readonly closed: () => void },
  ) {}

  get position(): number {
    return this.segment.end;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.pace.write(this.file, bytes, this.segment.end);
    this.segment.end += bytes.length;
    this.tell.wrote();
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.file.close();
    this.tell.closed();
  }
}
