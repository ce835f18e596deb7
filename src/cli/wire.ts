/** The real dependencies of the commands, loaded on demand: printing help needs few of them. */

import type { ModelsFolder } from "../store/store.ts";
import type { Wire } from "./program.ts";

export const wire: Wire = {
  async openEngine(options, stop) {
    const [{ openEngine }, { becomeOwner }] = await Promise.all([
      import("../setup/engine.ts"),
      import("../setup/owner.ts"),
    ]);
    return await openEngine(options, stop, becomeOwner);
  },
  async openModels(modelsDir) {
    const { openModels } = await import("../setup/models.ts");
    return openModels(modelsDir);
  },
  async openCopier(options, stop) {
    const [{ openCopier }, { becomeOwner }] = await Promise.all([
      import("../setup/local/copy.ts"),
      import("../setup/owner.ts"),
    ]);
    return await openCopier(options, stop, becomeOwner);
  },
  async exportModels(options, watcher) {
    const { exportModels } = await import("../setup/local/export.ts");
    return await exportModels(options, watcher);
  },
  async openArchives(given, signal) {
    const { openArchives } = await import("../setup/local/import.ts");
    return await openArchives(given, signal);
  },
  async receiveModels(stream, options, signal, watcher) {
    const [{ receiveModels }, { becomeOwner }] = await Promise.all([
      import("../setup/local/import.ts"),
      import("../setup/owner.ts"),
    ]);
    return await receiveModels(stream, options, signal, watcher, becomeOwner);
  },
  async openImporter(archive, options, stop) {
    const { becomeOwner } = await import("../setup/owner.ts");
    return await archive.engine(options, stop, becomeOwner);
  },
  async removeModels(modelsDir, names) {
    return await (await folderToChange(modelsDir)).remove(names);
  },
  async cleanFolder(modelsDir, options) {
    return await (await folderToChange(modelsDir)).clean(options);
  },
  async pruneFolder(modelsDir, options) {
    return await (await folderToChange(modelsDir)).prune(options);
  },
  async verifyModels(modelsDir, options, watcher) {
    return await (await folderToChange(modelsDir)).verify(options, watcher);
  },
  async limitPulls(modelsDir, rate) {
    await (await folderToChange(modelsDir)).limit(rate);
  },
  async pausePulls(modelsDir, paused) {
    await (await folderToChange(modelsDir)).pause(paused);
  },
  async serveModels(options, watcher, signal) {
    const [{ serveModels }, { actAsOwner }] = await Promise.all([
      import("../setup/serve/serve.ts"),
      import("../setup/owner.ts"),
    ]);
    await actAsOwner(options.modelsDir);
    return await serveModels(options, watcher, signal);
  },
  async openPusher(options, signal) {
    const [{ openPusher }, { becomeOwner }] = await Promise.all([
      import("../setup/push/push.ts"),
      import("../setup/owner.ts"),
    ]);
    return await openPusher(options, signal, becomeOwner);
  },
  async openQueue(modelsDir) {
    const [{ openQueue }, { actAsOwner }] = await Promise.all([
      import("../setup/queue.ts"),
      import("../setup/owner.ts"),
    ]);
    return openQueue(modelsDir, () => actAsOwner(modelsDir));
  },
  async examine(options, watcher) {
    const [{ diagnose }, { becomeOwner }] = await Promise.all([
      import("../setup/doctor.ts"),
      import("../setup/owner.ts"),
    ]);
    return await diagnose(options, watcher, becomeOwner);
  },
};

async function folderToChange(modelsDir: string): Promise<ModelsFolder> {
  const [{ openFolder }, { actAsOwner }] = await Promise.all([
    import("../store/store.ts"),
    import("../setup/owner.ts"),
  ]);
  await actAsOwner(modelsDir);
  return openFolder(modelsDir);
}
