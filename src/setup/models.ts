/** Looking into the models folder, for commands that pull nothing. */

import type { Inventory, ModelDetails } from "../core/reports/installed.ts";
import type { ModelName } from "../core/name.ts";
import { detailsOf } from "../store/show/details.ts";
import { inventoryOf } from "../store/manifests/list.ts";
import { installedNames } from "../store/manifests/installed.ts";
import { pathsOf } from "../store/layout/paths.ts";

/** What is installed in one folder. All reject with kind local where the folder cannot be read. */
export interface InstalledModels {
  list(): Promise<Inventory>;
  names(): Promise<readonly ModelName[]>;
  /** Undefined if it is not installed. */
  details(name: ModelName): Promise<ModelDetails | undefined>;
}

/** The models in the folder `modelsDir`, which need not exist. Nothing is read before it is asked for. */
export function openModels(modelsDir: string): InstalledModels {
  const paths = pathsOf(modelsDir);
  const machine = { os: Deno.build.os, arch: Deno.build.arch };
  return {
    list: () => inventoryOf(paths, machine),
    names: () => installedNames(paths),
    details: (name) => detailsOf(paths, name, machine),
  };
}
