/** What the installed models consist of: their manifest files, and the blobs that these need. */

import type { Digest } from "../../core/digest.ts";
import { asPullamaError } from "../../core/errors.ts";
import { distinctBlobs } from "../../core/manifest.ts";
import { type Machine, type ManifestIndex, selectChild } from "../../core/manifest_index.ts";
import { fullName, matchingName, type ModelName } from "../../core/name.ts";
import type { Finding } from "../../core/reports/verify.ts";
import { mapConcurrent } from "../../io/concurrency.ts";
import { isMissing } from "../../io/file_error.ts";
import { exists } from "../../io/stat.ts";
import { blobPaths, type Paths } from "../layout/paths.ts";
import { readManifestFile } from "../manifests/files.ts";
import { filesByName, type NamedFile } from "../manifests/installed.ts";

/** Manifests read concurrently. */
const AT_ONCE = 16;
/** A look at a manifest counts for so many milliseconds. */
const FRESH_MS = 1000;

/** A blob that models need. */
export interface Target {
  readonly digest: Digest;
  /** Undefined: only its digest is known. */
  readonly size: number | undefined;
  readonly users: readonly User[];
}

/** A manifest that needs a blob, as it was read. */
export interface User {
  readonly file: NamedFile;
  readonly digest: Digest;
}

export interface Targets {
  readonly models: number;
  readonly blobs: readonly Target[];
  /** Manifests that cannot be read. */
  readonly broken: readonly Finding[];
  readonly notInstalled: readonly ModelName[];
}

/** The blobs of the models `names`, or of all. Rejects with kind local if a directory cannot be read. */
export async function targetsOf(
  paths: Paths,
  names: readonly ModelName[],
  machine: Machine,
): Promise<Targets> {
  const { named, hidden, nameless } = await filesByName(paths);
  const all = [...named, ...hidden];
  const found = names.map((name) => matchingName(all, name));
  const chosen = names.length === 0 ? all : [...new Set(found.flat())];
  const blobs = new Map<Digest, { size: number | undefined; users: User[] }>();
  const broken: Finding[] = names.length > 0 ? [] : nameless.map(({ path }) => ({
    kind: "broken_manifest",
    path,
    models: [],
    reason: `the path of the manifest ${path} is not a valid model name`,
  }));
  await mapConcurrent(chosen, AT_ONCE, async (file) => {
    try {
      const { digest, needed } = await neededBy(paths, file.path, machine);
      for (const [blob, size] of needed) {
        const target = blobs.get(blob) ?? { size, users: [] };
        target.size ??= size;
        target.users.push({ file, digest });
        blobs.set(blob, target);
      }
    } catch (error) {
      // Removed meanwhile.
      if (isMissing(error) && !await exists(file.path).catch(() => true)) return;
      const reason = isMissing(error)
        ? `the manifest ${file.path} is a link to nothing`
        : asPullamaError(error).message;
      broken.push({ kind: "broken_manifest", path: file.path, models: [file.name], reason });
    }
  });
  return {
    models: new Set(chosen.map(({ name }) => fullName(name))).size,
    blobs: [...blobs].map(([digest, rest]) => ({ digest, ...rest })),
    broken: broken.sort((a, b) => a.path < b.path ? -1 : 1),
    notInstalled: names.filter((_, i) => found[i]!.length === 0),
  };
}

/** Looks whether manifests are still those that were read: another program may have removed or replaced them. */
export class Users {
  readonly #looks = new Map<string, { readonly at: number; readonly needs: Promise<boolean> }>();

  /** Those of `users` that need the blob at this moment. */
  async of({ users }: Target): Promise<ModelName[]> {
    const needed = await Promise.all(users.map((user) => this.#stillNeeds(user)));
    const names = users.filter((_, i) => needed[i]).map(({ file }) => file.name);
    // One model may have manifests in two trees.
    return [...new Map(names.map((name) => [fullName(name), name])).values()];
  }

  /** A manifest of thousands of blobs is not read again for each of them. */
  #stillNeeds({ file, digest }: User): Promise<boolean> {
    const at = performance.now();
    const last = this.#looks.get(file.path);
    if (last && at - last.at < FRESH_MS) return last.needs;
    const needs = readManifestFile(file).then((read) => read.digest === digest, () => false);
    this.#looks.set(file.path, { at, needs });
    return needs;
  }
}

/** The digest of the manifest, and the blobs that it needs with their sizes. */
async function neededBy(
  paths: Paths,
  path: string,
  machine: Machine,
): Promise<{ digest: Digest; needed: ReadonlyMap<Digest, number | undefined> }> {
  const read = await readManifestFile({ path });
  const { digest } = read;
  const needed = new Map<Digest, number | undefined>();
  const manifest = "layers" in read ? read : await childOf(paths, read, machine, needed);
  if (manifest) { for (const blob of distinctBlobs(manifest)) needed.set(blob.digest, blob.size); }
  return { digest, needed };
}

/** The manifest of an index that is for this machine; undefined where it is missing or wrong, which its blob shows. */
async function childOf(
  paths: Paths,
  index: ManifestIndex,
  machine: Machine,
  needed: Map<Digest, number | undefined>,
) {
  const { digest, size } = selectChild(index, machine);
  needed.set(digest, size);
  const child = await readManifestFile({ path: blobPaths(paths, digest).final })
    .catch(() => undefined);
  return child && "layers" in child ? child : undefined;
}
