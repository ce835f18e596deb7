/** Which unfinished blobs belong to the models that were named. */

import type { Digest } from "../../core/digest.ts";
import { distinctBlobs } from "../../core/manifest.ts";
import type { ModelName } from "../../core/name.ts";
import { manifestFiles, matchingName, readManifestFile } from "../manifests/files.ts";
import type { Paths } from "../layout/paths.ts";
import type { StoredIntent } from "../layout/intents.ts";

export interface CleanScope {
  readonly notes: ReadonlySet<StoredIntent>;
  readonly digests: ReadonlySet<Digest>;
  /** Whether of one of the models nothing is known. */
  readonly incomplete: boolean;
}

/**
 * What the models `names` want, by their notes and, where they are installed, by their manifests. Undefined where
 * none is named. Throws `usage` for a name that fits two models, and rejects with kind local.
 */
export async function cleanScope(
  paths: Paths,
  names: readonly ModelName[],
  intents: readonly StoredIntent[],
): Promise<CleanScope | undefined> {
  if (names.length === 0) return undefined;
  const notes = new Set<StoredIntent>();
  const digests = new Set<Digest>();
  let incomplete = false;
  const installed = await manifestFiles(paths);
  for (const name of names) {
    const own = matchingName(intents, name);
    const files = matchingName(installed, name);
    if (own.length + files.length === 0) incomplete = true;
    for (const note of own) {
      notes.add(note);
      for (const digest of note.digests) digests.add(digest);
    }
    for (const file of files) {
      const manifest = await readManifestFile(file).catch(() => undefined);
      if (!manifest || "entries" in manifest) continue;
      for (const { digest } of distinctBlobs(manifest)) digests.add(digest);
    }
  }
  return { notes, digests, incomplete };
}
