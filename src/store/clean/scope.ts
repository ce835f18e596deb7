/** Which unfinished blobs belong to the models that were named. */

import type { Digest } from "../../core/digest.ts";
import { distinctBlobs } from "../../core/manifest.ts";
import type { ModelName } from "../../core/name.ts";
import { called, manifestFiles, readManifestFile } from "../manifests/files.ts";
import type { Paths } from "../layout/paths.ts";
import type { Wanted } from "../layout/intents.ts";

export interface Choice {
  readonly notes: ReadonlySet<Wanted>;
  readonly digests: ReadonlySet<Digest>;
  /** Whether of one of the models nothing is known. */
  readonly incomplete: boolean;
}

/**
 * What the models `names` want, by their notes and, where they are installed, by their manifests. Undefined where
 * none is named. Throws `usage` for a name that fits two models, and rejects with kind local.
 */
export async function choose(
  paths: Paths,
  names: readonly ModelName[],
  wanted: readonly Wanted[],
): Promise<Choice | undefined> {
  if (names.length === 0) return undefined;
  const notes = new Set<Wanted>();
  const digests = new Set<Digest>();
  let incomplete = false;
  const installed = await manifestFiles(paths);
  for (const name of names) {
    const own = called(wanted, name);
    const files = called(installed, name);
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
