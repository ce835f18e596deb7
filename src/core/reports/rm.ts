/** What removing models came to. */

import type { PullamaError } from "../errors.ts";
import type { ModelName } from "../name.ts";

/** A model that is gone. */
export interface RemovedModel {
  readonly name: ModelName;
  /** Bytes that came free. */
  readonly bytes: number;
  /** Finished blobs that went with it. */
  readonly blobs: number;
  /** Blobs that stay, since another model uses them. */
  readonly shared: number;
}

/** How it went with one of the names that were given: one of the two is there. */
export interface Removal {
  readonly name: ModelName;
  readonly removed?: RemovedModel;
  readonly error?: PullamaError;
}
