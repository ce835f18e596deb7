/** What `outdated` finds: installed models beside what their registries have. */

import type { Digest } from "../digest.ts";
import type { PullamaError } from "../errors.ts";
import type { ModelName } from "../name.ts";

/** What the registry of a model says. */
export type Comparison =
  | { readonly status: "current" }
  /** `toDownload`: bytes of the other manifest's blobs that are not here yet. */
  | { readonly status: "outdated"; readonly available: Digest; readonly toDownload: number }
  /** `unknown`: the registry does not have it, such as a model that was created on this machine. */
  | { readonly status: "unknown" | "failed"; readonly error: PullamaError };

/** An installed model, compared. */
export interface ComparedModel {
  readonly name: ModelName;
  /** The digest of the installed manifest. */
  readonly installed: Digest;
  readonly comparison: Comparison;
}

export interface OutdatedReport {
  /** In the order in which they are listed. */
  readonly models: readonly ComparedModel[];
  /** Given names that are not installed. */
  readonly notInstalled: readonly ModelName[];
}
