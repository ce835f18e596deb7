/** Replaces the real wiring in main_test.ts. The name of the model selects the behavior. */

import type { Engine } from "../../src/setup/engine.ts";
import { onAbort } from "../../src/io/abort.ts";
import { openFolder } from "../../src/store/store.ts";
import { diagnose } from "../../src/setup/doctor.ts";
import { openCopier } from "../../src/setup/local/copy.ts";
import { exportModels } from "../../src/setup/local/export.ts";
import { openArchives, receiveModels } from "../../src/setup/local/import.ts";
import { openModels } from "../../src/setup/models.ts";
import { openPusher } from "../../src/setup/push/push.ts";
import { openQueue } from "../../src/setup/queue.ts";
import { serveModels } from "../../src/setup/serve/serve.ts";
import type { Wire } from "../../src/cli/program.ts";
import type { CleanReport } from "../../src/core/reports/clean.ts";
import { PullamaError } from "../../src/core/errors.ts";
import type { Emit, Summary } from "../../src/core/events.ts";
import type { ModelName } from "../../src/core/name.ts";
import type { Stop } from "../../src/core/stop.ts";
import { MODEL, SUMMARY } from "../ui/pull_events.ts";

export const wire: Wire = {
  openEngine: (_options, stop) => Promise.resolve(engine(stop)),
  openModels: (modelsDir) => Promise.resolve(openModels(modelsDir)),
  limitPulls: (modelsDir, rate) => openFolder(modelsDir).limit(rate),
  pausePulls: (modelsDir, paused) => openFolder(modelsDir).pause(paused),
  openCopier: (options, stop) => openCopier(options, stop),
  exportModels: (options, watcher) => exportModels(options, watcher),
  openArchives: (given, signal) => openArchives(given, signal),
  receiveModels: (...args) => receiveModels(...args),
  openImporter: (archive, options, stop) => archive.engine(options, stop),
  removeModels: (modelsDir, names) => openFolder(modelsDir).remove(names),
  cleanFolder: (modelsDir, options) =>
    options.models[0]?.model === "crash" ? crashAtTheEnd() : openFolder(modelsDir).clean(options),
  pruneFolder: (modelsDir, options) => openFolder(modelsDir).prune(options),
  verifyModels: (modelsDir, options, watcher) => openFolder(modelsDir).verify(options, watcher),
  serveModels,
  openPusher: (options, signal) => openPusher(options, signal),
  openQueue: (modelsDir) => Promise.resolve(openQueue(modelsDir)),
  examine: (options, watcher) => diagnose(options, watcher),
};

function engine(stop: Stop): Engine {
  return {
    async pull(name: ModelName, emit: Emit): Promise<Summary> {
      emit({ event: "pull_start", name });
      if (name.model === "crash") queueMicrotask(() => fail(new TypeError("x is undefined")));
      if (name.model === "reject") Promise.reject(new TypeError("y is undefined"));
      if (name.model === "chatty") {
        for (let i = 0; i < 20_000; i++) {
          emit({ event: "checkpoint", digest: MODEL.digest, proven: i });
        }
        return { ...SUMMARY, name };
      }
      await aborted(stop.soft);
      if (name.model === "stubborn") {
        emit({ event: "stall", digest: MODEL.digest, silentMs: 1_000 });
        await aborted(stop.hard);
      }
      emit({ event: "pull_interrupted", name, kept: 1, size: 2 });
      throw new PullamaError("interrupted", "interrupted by a signal");
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** The remaining work succeeds, and ends before the error is reported. */
function crashAtTheEnd(): Promise<CleanReport> {
  return new Promise((resolve) =>
    setTimeout(() => {
      resolve({ dryRun: false, removed: [], left: [] });
      fail(new TypeError("z is undefined"));
    }, 0)
  );
}

function fail(error: Error): never {
  throw error;
}

/** Resolves when `signal` is aborted; keeps the process alive until then. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const alive = setInterval(() => {}, 1_000);
    onAbort(signal, () => {
      clearInterval(alive);
      resolve();
    });
  });
}
