/** Mirrors and a registry as the source of one pull. */

import type { Source } from "../../core/content.ts";
import type { Emit } from "../../core/events.ts";
import { FirstOf } from "../../transfer/sources/first_of.ts";
import type { Mirror } from "../../transfer/sources/mirror.ts";
import { registryFirst, withManifest } from "../../transfer/sources/manifests.ts";

/** `registry` is undefined where only mirrors may be asked. */
export function withMirrors(
  registry: Source | undefined,
  mirrors: readonly Mirror[],
  emit: Emit,
): Source {
  if (registry && mirrors.length === 0) return registry;
  const blobs = new FirstOf(mirrors, registry, emit);
  return withManifest(blobs, registryFirst(registry, mirrors));
}
