/** Where a repair takes a model from: the manifest is the installed one, the blobs come from the registry. */

import type { Source } from "../core/content.ts";
import type { ModelsFolder } from "../store/store.ts";

/**
 * The registry is asked for its manifest all the same: it may be needed, where the installed one is damaged, and shows
 * whether the registry can be reached, and how far away it is.
 */
export function repairSource(registry: Source, store: ModelsFolder): Source {
  return {
    async manifest(name, signal) {
      const current = registry.manifest(name, signal);
      current.catch(() => {});
      const installed = await store.manifest(name);
      if (!installed) return await current;
      await current.catch(() => signal.throwIfAborted());
      return installed;
    },
    chunksums: (name, blob, signal) => registry.chunksums(name, blob, signal),
    open: (name, blob, range, signal) => registry.open(name, blob, range, signal),
    sendsRanges: (name, blob) => registry.sendsRanges(name, blob),
    forgetAddress: (name, blob) => registry.forgetAddress(name, blob),
  };
}
