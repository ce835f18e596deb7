/** Sources that take the manifest of a model from the models folder where that is better, and blobs from a registry. */

import type { Source } from "../core/content.ts";
import { asPullamaError, type Kind } from "../core/errors.ts";
import type { Emit } from "../core/events.ts";
import type { ModelsFolder } from "../store/store.ts";
import { withManifest } from "../transfer/sources/manifests.ts";

/** For a model that is pinned to the manifest which is installed, nothing is asked of the registry. */
export function installedFirst(registry: Source, store: ModelsFolder): Source {
  return withManifest(registry, async (name, signal) => {
    const installed = name.digest && await store.manifest(name);
    const wanted = installed && installed.digest === name.digest;
    return wanted ? installed : await registry.manifest(name, signal);
  });
}

/** Of these failures a model that is installed needs to know nothing. */
const NOT_SAID: readonly Kind[] = ["not_found", "network", "timeout", "unavailable"];

/** Where no source says which manifest a model has, it is the one that is installed. */
export function installedOtherwise(source: Source, store: ModelsFolder, emit: Emit): Source {
  return withManifest(source, async (name, signal) => {
    try {
      return await source.manifest(name, signal);
    } catch (error) {
      const { kind, message } = asPullamaError(error);
      const installed = NOT_SAID.includes(kind) ? await store.manifest(name) : undefined;
      if (!installed || name.digest !== undefined) throw error;
      const hint = "what is installed is kept as it is";
      emit({
        event: "warning",
        message: `no mirror has said which manifest it is: ${message}`,
        hint,
      });
      return installed;
    }
  });
}

/**
 * For a repair. The registry is asked for its manifest all the same: it may be needed, where the installed one is
 * damaged, and shows whether the registry can be reached, and how far away it is.
 */
export function repairSource(registry: Source, store: ModelsFolder): Source {
  return withManifest(registry, async (name, signal) => {
    const current = registry.manifest(name, signal);
    current.catch(() => {});
    const installed = await store.manifest(name);
    if (!installed) return await current;
    await current.catch(() => signal.throwIfAborted());
    return installed;
  });
}
