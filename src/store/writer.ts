/** One connection's end of an unfinished blob. */

import type { DiskFile } from "../io/disk.ts";
import type { Segment } from "./segments.ts";

/** Bytes arriving at the end of one segment. One write at a time; `closed` is told once. */
export class BlobWriter {
  #open = true;

  constructor(
    private readonly file: DiskFile,
    private readonly segment: Segment,
    private readonly tell: { readonly wrote: () => void; readonly closed: () => void },
  ) {}

  get position(): number {
    return this.segment.end;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.file.writeAt(bytes, this.segment.end);
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
