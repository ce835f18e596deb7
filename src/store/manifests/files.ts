/** The manifest files in the models folder, in all trees that a server may read. */

import { createHash } from "node:crypto";
import { digestOf } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import { type Manifest, MAX_MANIFEST_BYTES, parseManifest } from "../../core/manifest.ts";
import type { ManifestIndex } from "../../core/manifest_index.ts";
import { type ModelName, nameOfParts } from "../../core/name.ts";
import { readSmallFile } from "../../io/guarded.ts";
import { fileError, isMissing } from "../../io/file_error.ts";
import type { Paths } from "../layout/paths.ts";
import { requireDirectory } from "../layout/directory.ts";

/** A file at the depth of a manifest: four levels below a tree. */
export interface ManifestFile {
  readonly path: string;
  /** The tree: `manifests`, or a directory next to it such as `manifests-v2`. */
  readonly tree: string;
  /** The name from its path; undefined if that is not a valid model name. */
  readonly name: ModelName | undefined;
}

/** The tree that pullama writes to. */
export const OWN_TREE = "manifests";

/** The trees that servers read; any other is a copy made by a user. */
export const SERVED_TREES: readonly string[] = [OWN_TREE, "manifests-v2"];

const LEVELS = 4;

/**
 * All manifest files, sorted by path, including symbolic links. Names that start with a dot are
 * skipped: operating systems create such files (`.DS_Store`, `._latest`), and they are not valid
 * model names. Files removed meanwhile are ignored. Rejects with kind `local` if a directory cannot
 * be read.
 */
export async function manifestFiles(paths: Paths): Promise<ManifestFile[]> {
  const found: ManifestFile[] = [];
  const walk = async (folder: string, tree: string, above: readonly string[]): Promise<void> => {
    for (const entry of await entriesOf(folder)) {
      if (entry.name.startsWith(".")) continue;
      const path = `${folder}/${entry.name}`;
      const parts = [...above, entry.name];
      if (parts.length < LEVELS) {
        if (!entry.isFile) await walk(path, tree, parts);
      } else if (!entry.isDirectory) {
        const [host, namespace, model, tag] = parts as [string, string, string, string];
        found.push({ path, tree, name: nameOfParts(host, namespace, model, tag) });
      }
    }
  };
  await requireDirectory(paths.root);
  const trees = (await entriesOf(paths.root)).map(({ name }) => name);
  for (const tree of trees.filter((name) => name.startsWith(OWN_TREE)).sort()) {
    await walk(`${paths.root}/${tree}`, tree, []);
  }
  return found.sort((a, b) => a.path < b.path ? -1 : 1);
}

/**
 * The manifest or index in the file. Rejects with kind `local` if it cannot be read, with
 * `manifest` if it is invalid; the message includes the path.
 */
export async function readManifestFile(
  { path }: Pick<ManifestFile, "path">,
): Promise<Manifest | ManifestIndex> {
  // A tag may be a link.
  const file = await readSmallFile(path, MAX_MANIFEST_BYTES, { follow: true });
  if (!file) throw fileError(new Deno.errors.NotFound("no such file or directory"), "read", path);
  const { bytes } = file;
  try {
    return parseManifest(bytes, digestOf(createHash("sha256").update(bytes).digest("hex")));
  } catch (cause) {
    const reason = cause instanceof PullamaError ? `: ${cause.message}` : "";
    throw new PullamaError("manifest", `cannot read the manifest ${path}${reason}`, { cause });
  }
}

/** What is in a directory; nothing where there is none. Rejects with kind `local` if it cannot be read. */
export async function entriesOf(folder: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    // It may be a link to a file, and a server may remove empty directories meanwhile.
    if (isMissing(error) || error instanceof Deno.errors.NotADirectory) return [];
    throw fileError(error, "read", folder);
  }
}
