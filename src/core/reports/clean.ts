/** What cleaning the models folder came to. */

import type { Digest } from "../digest.ts";
import type { ModelName } from "../name.ts";

export type CleanKind =
  /** A blob that is not whole, or not yet part of a model. */
  | "unfinished"
  /** A file that was not what its name said. */
  | "damaged"
  | "temporary"
  /** Lock files and notes. */
  | "records"
  /** The list of models that wait to be pulled. */
  | "queue";

export interface CleanItem {
  readonly kind: CleanKind;
  readonly digest?: Digest;
  /** The models that want it, as far as that is known. */
  readonly models: readonly ModelName[];
  readonly files: number;
  /** That are or come free. */
  readonly bytes: number;
}

export interface LeftItem extends CleanItem {
  /**
   * Somebody is at work on it, or may be; a model wants it that was not named; or nobody knows which model wants
   * it, and it may be one that was named.
   */
  readonly why: "busy" | "wanted" | "unknown";
  /** Who is at work on it, if that can be told. */
  readonly holder?: string;
}

export interface CleanReport {
  readonly dryRun: boolean;
  /** Removed, or to be removed. */
  readonly removed: readonly CleanItem[];
  readonly left: readonly LeftItem[];
}
