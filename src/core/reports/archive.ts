/** The result of `pullama export`. */

import type { ModelName } from "../name.ts";

export interface ExportReport {
  /** As they are spelled in the models folder. */
  readonly models: readonly ModelName[];
  readonly blobs: number;
  /** Blobs that were left out. */
  readonly skipped: number;
  /** Of the archive. */
  readonly bytes: number;
  /** Those of them that an earlier run had written. */
  readonly found: number;
  /** In order; none for a stream. */
  readonly files: readonly string[];
}

export interface ExportWatcher {
  readonly signal: AbortSignal;
  /** Bytes of the archive that are there, and in all; `wasThere`: an earlier run had written the last ones. */
  onProgress(done: number, total: number, wasThere: boolean): void;
}
