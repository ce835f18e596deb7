/** The result of `pullama list --partial`. */

import type { ModelName } from "../name.ts";

/** A model whose pull has not been completed. */
export interface PartialModel {
  /** Undefined: it is not known which model the blobs are for. */
  readonly name?: ModelName;
  /** Bytes of its unfinished blobs that are on disk. */
  readonly kept: number;
  /** Bytes of the whole model, and those of it that are on disk; undefined if unknown. */
  readonly size?: number;
  readonly done?: number;
  /** When something was last written to its blobs, in milliseconds since 1970; undefined: never. */
  readonly modifiedMs?: number;
  /** The process that is pulling it now, if there is one and it is known. */
  readonly holder?: string;
  readonly active: boolean;
  /** The hours at which that pull downloads, as the user gave them; absent: at any time. */
  readonly hours?: string;
}
