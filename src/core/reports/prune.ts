/** The result of `pullama prune`. */

import type { Digest } from "../digest.ts";

/** A blob that no manifest uses. */
export interface UnusedBlob {
  readonly digest: Digest;
  /** Disk space freed, or to be freed. */
  readonly bytes: number;
}

export interface PruneReport {
  readonly dryRun: boolean;
  /** Removed, or to be removed in a dry run; largest first. */
  readonly removed: readonly UnusedBlob[];
  /** Written so recently that a model may be about to use them. */
  readonly kept: readonly UnusedBlob[];
}
