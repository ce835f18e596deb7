/** Which blobs each installed model uses, and so which can be removed along with a model. */

import { type Digest, isDigest } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import { type Descriptor, distinctBlobs, type Manifest } from "../../core/manifest.ts";
import type { ManifestIndex } from "../../core/manifest_index.ts";
import { fileError, isMissing } from "../../io/file_error.ts";
import { exists } from "../../io/stat.ts";
import { type ManifestFile, manifestFiles, readManifestFile } from "./files.ts";
import { blobPaths, type Paths } from "../layout/paths.ts";

/** A manifest file, and the blobs that it needs. */
export interface ManifestReferences {
  readonly file: ManifestFile;
  /**
   * Config and layers; the blob with the manifest itself, if there is one; of an index, its
   * manifests and, for those that are present, the blobs that they use.
   */
  readonly digests: ReadonlySet<Digest>;
}

const REPAIR = "nothing was removed: repair or delete that file, then run the same command again";

/**
 * The manifest files of all trees with the blobs that they use. Rejects for the first one that
 * cannot be read or parsed: its blobs are unknown, so nothing may be removed. A symbolic link is
 * accepted only if it points to a blob.
 */
export async function manifestReferences(paths: Paths): Promise<ManifestReferences[]> {
  const users: ManifestReferences[] = [];
  for (const file of await manifestFiles(paths)) {
    try {
      users.push({ file, digests: await digestsOf(paths, file) });
    } catch (error) {
      if (!await exists(file.path)) continue;
      if (!(error instanceof PullamaError)) throw error;
      throw new PullamaError(error.kind, error.message, { hint: REPAIR, cause: error });
    }
  }
  return users;
}

/** Whether an installed model needs a blob of this digest and this size. */
export async function isInstalled(paths: Paths, { digest, size }: Descriptor): Promise<boolean> {
  for (const file of await manifestFiles(paths)) {
    const manifest = await readManifestFile(file).catch(() => undefined);
    if (!manifest || "entries" in manifest) continue;
    const blob = distinctBlobs(manifest).find((one) => one.digest === digest);
    if (blob?.size === size) return true;
  }
  return false;
}

/** What one manifest file uses. Rejects with kinds `local` and `manifest`. */
export async function digestsOf(
  paths: Paths,
  file: Pick<ManifestFile, "path">,
): Promise<ReadonlySet<Digest>> {
  const used = new Set<Digest>();
  const blob = await linkedBlob(paths, file.path);
  if (blob !== undefined) used.add(blob);
  await addUsed(paths, await readManifestFile(file), used);
  return used;
}

/** The blob that `path` points to if it is a symbolic link; undefined for a regular file. */
async function linkedBlob(paths: Paths, path: string): Promise<Digest | undefined> {
  try {
    if (!(await Deno.lstat(path)).isSymlink) return undefined;
    const [target, blobs] = await Promise.all([path, paths.blobs].map((at) => Deno.realPath(at)));
    const [, folder, name = ""] = /^(.*)[\\/](.*)$/.exec(target!) ?? [];
    const digest = name.replace("-", ":");
    if (folder === blobs && isDigest(digest)) return digest;
  } catch (error) {
    if (!isMissing(error)) throw fileError(error, "read", path);
  }
  throw new PullamaError(
    "manifest",
    `cannot tell which blobs ${path} uses: the link does not point to a blob`,
  );
}

async function addUsed(
  paths: Paths,
  manifest: Manifest | ManifestIndex,
  used: Set<Digest>,
): Promise<void> {
  used.add(manifest.digest);
  if (!("entries" in manifest)) {
    for (const { digest } of distinctBlobs(manifest)) used.add(digest);
    return;
  }
  for (const { digest } of manifest.entries) {
    if (used.has(digest)) continue;
    used.add(digest);
    const path = blobPaths(paths, digest).final;
    if (await exists(path)) await addUsed(paths, await readManifestFile({ path }), used);
  }
}
