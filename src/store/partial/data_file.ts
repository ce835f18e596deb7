/** The file of an unfinished blob, and whether its bytes have reached the disk. */

import type { DiskFile } from "../../io/disk.ts";
import type { IngestTools } from "./ingest_tools.ts";

export class DataFile {
  #failure: unknown;

  constructor(
    private readonly file: DiskFile,
    private readonly tools: Pick<IngestTools, "disk" | "at">,
  ) {}

  /** A sync has failed: bytes since the last checkpoint may be wrong once they are read from the disk. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /**
   * Resolves when everything that was written is on disk. After a failure it rejects for good: systems report a lost
   * write once, keep the bytes in memory as if they were on disk, and the next sync succeeds. For the same reason the
   * positions go, by which the next run would believe these bytes.
   */
  async sync(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      await this.file.sync();
    } catch (error) {
      this.#failure ??= error;
      await this.tools.disk.remove(this.tools.at.positions).catch(() => {});
      throw error;
    }
  }

  async truncate(size: number): Promise<void> {
    await this.file.truncate(size);
  }

  close(): void {
    this.file.close();
  }
}
