import type { InstalledModels } from "../../setup/models.ts";

/** The dependencies of commands that read installed models. */
export interface ModelsWire {
  readonly openModels: (modelsDir: string) => Promise<InstalledModels>;
}
