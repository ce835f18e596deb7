/** The result of `pullama rm`. */

import type { PullamaError } from "../errors.ts";
import type { ModelName } from "../name.ts";

/** A removed model. */
export interface RemovedModel {
  readonly name: ModelName;
  /** Disk space freed, in bytes. */
  readonly bytes: number;
  /** Number of blobs removed with it. */
  readonly blobs: number;
  /** Number of blobs kept because other models use them. */
  readonly shared: number;
}

/** The result for one of the given names: either `removed` or `error` is set. */
export interface Removal {
  readonly name: ModelName;
  readonly removed?: RemovedModel;
  readonly error?: PullamaError;
}
