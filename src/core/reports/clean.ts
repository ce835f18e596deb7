/** The result of `pullama clean`. */

import type { Digest } from "../digest.ts";
import type { ModelName } from "../name.ts";

export type CleanKind =
  /** A partial blob, or a complete one that is not yet part of a model. */
  | "unfinished"
  /** A file with a digest mismatch. */
  | "damaged"
  | "temporary"
  /** Lock files and other bookkeeping. */
  | "records"
  /** The queue of models to pull. */
  | "queue";

export interface CleanItem {
  readonly kind: CleanKind;
  readonly digest?: Digest;
  /** The models that need it, as far as known. */
  readonly models: readonly ModelName[];
  readonly files: number;
  /** Disk space freed, or to be freed. */
  readonly bytes: number;
}

export interface LeftItem extends CleanItem {
  /**
   * Why it was left: another process is using it, or may be; it is needed by a model that was not
   * given; or it is unknown which model needs it, so it may be one of those that were given; or it
   * was written to recently.
   */
  readonly why: "busy" | "wanted" | "unknown" | "young";
  /** The process that is using it, if known. */
  readonly holder?: string;
}

export interface CleanReport {
  readonly dryRun: boolean;
  /** Removed, or to be removed in a dry run. */
  readonly removed: readonly CleanItem[];
  readonly left: readonly LeftItem[];
}
