/** The real dependencies of the commands, loaded on demand: printing help needs few of them. */

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
    const { openFolder } = await import("../store/store.ts");
    return await openFolder(modelsDir).remove(names);
  },
  async cleanFolder(modelsDir, options) {
    const { openFolder } = await import("../store/store.ts");
    return await openFolder(modelsDir).clean(options);
  },
  async openQueue(modelsDir) {
    const { openQueue } = await import("../setup/queue.ts");
    return openQueue(modelsDir);
  },
  async examine(options, watcher) {
    const { diagnose } = await import("../setup/doctor.ts");
    return await diagnose(options, watcher);
  },
};
