/** The models folder as the commands that do not pull see it. */

import type { Inventory, ModelDetails } from "../core/reports/installed.ts";
import type { ModelName } from "../core/name.ts";
import type { PartialModel } from "../core/reports/partial.ts";
import { openFolder } from "../store/store.ts";

/** What is installed in one folder. All reject with kind local where the folder cannot be read. */
export interface InstalledModels {
  /** With `withBlobs` also the blobs of each model. */
  list(withBlobs?: boolean): Promise<Inventory>;
  names(): Promise<readonly ModelName[]>;
  /** What is partly downloaded. */
  partial(): Promise<readonly PartialModel[]>;
  /** What is set for all pulls: a rate in bytes per second, and that they are paused. Never rejects. */
  controls(): Promise<{ readonly rate: number | undefined; readonly paused: boolean }>;
  /** Undefined if it is not installed. */
  details(name: ModelName): Promise<ModelDetails | undefined>;
}

/** The models in the folder `modelsDir`, which need not exist. Nothing is read before it is asked for. */
export function openModels(modelsDir: string): InstalledModels {
  return openFolder(modelsDir);
}
