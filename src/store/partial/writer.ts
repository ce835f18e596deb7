/** Writing what one connection receives. */

import type { Writer } from "../../core/content.ts";
import type { DiskFile } from "../../io/disk.ts";
import type { Segment } from "./segments.ts";

/** A write of a few hundred kB that takes longer than this has waited for the disk, in milliseconds. */
const SLOW_MS = 20;

/**
 * How data is written. Synchronous writes into the page cache are fastest: a thread would cost more than the copy.
 * When they have to wait for a slow disk, a thread writes instead, so that signals and the screen do not wait.
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

/** Writes at the end of one segment, one write at a time. `tell.closed` is called once. */
export class BlobWriter implements Writer {
  #open = true;

  constructor(
    private readonly file: DiskFile,
    private readonly segment: Segment,
    private readonly pace: WritePace,
    private readonly tell: { readonly wrote: (from: number) => void; readonly closed: () => void },
  ) {}

  get position(): number {
    return this.segment.end;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const from = this.segment.end;
    await this.pace.write(this.file, bytes, from);
    this.segment.end += bytes.length;
    this.tell.wrote(from);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.file.close();
    this.tell.closed();
  }
}
