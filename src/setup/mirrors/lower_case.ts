/** Mirrors that have names as they are written, or in lower case only, as OCI registries do. */

import type { Source } from "../../core/content.ts";
import { asPullamaError, type Kind } from "../../core/errors.ts";
import { fullName, type ModelName } from "../../core/name.ts";

/** What a registry says of a name that it does not have, or cannot have. */
const UNKNOWN: readonly Kind[] = ["not_found", "refused", "auth"];

/** `typed` and `lower` are one mirror with both spellings; `lowered` remembers the models that it has in lower case. */
export function inEitherCase(typed: Source, lower: Source, lowered: Set<string>): Source {
  const known = (name: ModelName) => lowered.has(fullName(name)) ? lower : typed;
  const either = async <T>(name: ModelName, ask: (source: Source) => Promise<T>): Promise<T> => {
    try {
      return await ask(known(name));
    } catch (error) {
      const isOther = known(name) === typed && hasCapitals(name) &&
        UNKNOWN.includes(asPullamaError(error).kind);
      if (!isOther) throw error;
      const result = await ask(lower).catch(() => Promise.reject(error));
      lowered.add(fullName(name));
      return result;
    }
  };
  return {
    manifest: (name, signal) => either(name, (source) => source.manifest(name, signal)),
    open: (name, ...rest) => either(name, (source) => source.open(name, ...rest)),
    chunksums: (name, ...rest) => known(name).chunksums(name, ...rest),
    sendsRanges: (name, blob) => known(name).sendsRanges(name, blob),
    forgetAddress: (name, ...rest) => known(name).forgetAddress(name, ...rest),
  };
}

/** The host has none on mirrors, and the tag keeps them. */
function hasCapitals({ namespace, model }: ModelName): boolean {
  return /[A-Z]/.test(namespace + model);
}
