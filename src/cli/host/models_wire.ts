import type { InstalledModels } from "../../setup/models.ts";

/** What the commands that look at installed models need to be wired to. */
export interface ModelsWire {
  readonly openModels: (modelsDir: string) => Promise<InstalledModels>;
}
