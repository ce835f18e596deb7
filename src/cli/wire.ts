/** What commands are wired to. Loaded when it is asked for: most of the program is not needed for its help. */

import type { Wire } from "./program.ts";

export const wire: Wire = {
  async openEngine(options, stop) {
    const { openEngine } = await import("../setup/engine.ts");
    return await openEngine(options, stop);
  },
  async openModels(modelsDir) {
    const { openModels } = await import("../setup/models.ts");
    return openModels(modelsDir);
  },
  async removeModels(modelsDir, names) {
    const { removeModels } = await import("../store/remove/remove.ts");
    return await removeModels(modelsDir, names);
  },
  async cleanFolder(modelsDir, options) {
    const { cleanFolder } = await import("../store/clean/clean.ts");
    return await cleanFolder(modelsDir, options);
  },
  async openQueue(modelsDir) {
    const { openQueue } = await import("../setup/queue.ts");
    return openQueue(modelsDir);
  },
  async examine(options, watcher) {
    const { diagnose: examine } = await import("../setup/doctor.ts");
    return await examine(options, watcher);
  },
};
