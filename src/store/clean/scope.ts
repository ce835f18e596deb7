/** Which unfinished blobs belong to the models that are to be cleaned. */

import type { Digest } from "../../core/digest.ts";
import { distinctBlobs } from "../../core/manifest.ts";
import { matchingName, type ModelName } from "../../core/name.ts";
import { manifestFiles, readManifestFile } from "../manifests/files.ts";
import type { Paths } from "../layout/paths.ts";
import type { StoredIntent } from "../layout/intents.ts";

export interface CleanScope {
  readonly intents: ReadonlySet<StoredIntent>;
  readonly digests: ReadonlySet<Digest>;
  /** Whether nothing is known about one of the models. */
  readonly incomplete: boolean;
}

/**
 * What the models `names` need, by their intents among `all` and by their manifests where they are installed.
 * Undefined where no model is named. Throws `usage` for a name that fits two models, and rejects with kind local.
 */
export async function cleanScope(
  paths: Paths,
  names: readonly ModelName[],
  all: readonly StoredIntent[],
): Promise<CleanScope | undefined> {
  if (names.length === 0) return undefined;
  const intents = new Set<StoredIntent>();
  const digests = new Set<Digest>();
  let incomplete = false;
  const installed = await manifestFiles(paths);
  for (const name of names) {
    const own = matchingName(all, name);
    const files = matchingName(installed, name);
    if (own.length + files.length === 0) incomplete = true;
    for (const intent of own) {
      intents.add(intent);
      for (const digest of intent.needs) digests.add(digest);
    }
    for (const file of files) {
      const manifest = await readManifestFile(file).catch(() => undefined);
      if (!manifest || "entries" in manifest) continue;
      for (const { digest } of distinctBlobs(manifest)) digests.add(digest);
    }
  }
  return { intents, digests, incomplete };
}
