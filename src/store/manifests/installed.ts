/** The manifest files of the installed models, one per name. */

import type { Digest } from "../../core/digest.ts";
import type { Manifest } from "../../core/manifest.ts";
import { fullName, matchingName, type ModelName } from "../../core/name.ts";
import { type ManifestFile, manifestFiles, readManifestFile, SERVED_TREES } from "./files.ts";
import { manifestPath, type Paths } from "../layout/paths.ts";

/** A manifest file with a valid name. */
export interface NamedFile extends ManifestFile {
  readonly name: ModelName;
}

/** `named` has one file per name, the one that servers prefer; `hidden` has the others. */
export interface FilesByName {
  readonly named: readonly NamedFile[];
  readonly nameless: readonly ManifestFile[];
  readonly hidden: readonly NamedFile[];
}

/**
 * The manifest files in the trees that servers read. Rejects with kind `local` if a directory
 * cannot be read.
 */
export async function filesByName(paths: Paths): Promise<FilesByName> {
  const named = new Map<string, NamedFile>();
  const nameless: ManifestFile[] = [];
  const hidden: NamedFile[] = [];
  const files = await manifestFiles(paths);
  // Servers that know both trees prefer the second.
  for (const file of SERVED_TREES.flatMap((tree) => files.filter((file) => file.tree === tree))) {
    const { name } = file;
    if (name === undefined) {
      nameless.push(file);
      continue;
    }
    const before = named.get(fullName(name));
    if (before !== undefined) hidden.push(before);
    named.set(fullName(name), { ...file, name });
  }
  return { named: [...named.values()], nameless, hidden };
}

/** The names of all installed models, without opening a manifest. Rejects as `filesByName` does. */
export async function installedNames(paths: Paths): Promise<ModelName[]> {
  return (await filesByName(paths)).named.map(({ name }) => name);
}

/**
 * The manifest file of the model `name`, or of the one whose name differs only in case; undefined
 * if there is none. Rejects with kind `usage` if the name is ambiguous, otherwise as `filesByName`
 * does.
 */
export async function findInstalled(paths: Paths, name: ModelName): Promise<NamedFile | undefined> {
  return matchingName((await filesByName(paths)).named, name)[0];
}

/** The manifest of the model `name`; undefined: there is none, it cannot be read, or it is an index of several. */
export async function installedManifest(
  paths: Paths,
  name: ModelName,
): Promise<Manifest | undefined> {
  const file = await findInstalled(paths, name);
  const read = file && await readManifestFile(file).catch(() => undefined);
  return read && "layers" in read ? read : undefined;
}

/** The digest of the manifest that is stored under exactly this name; undefined: there is none that can be read. */
export async function installedDigest(paths: Paths, name: ModelName): Promise<Digest | undefined> {
  try {
    return (await readManifestFile({ path: manifestPath(paths, name) })).digest;
  } catch {
    return undefined;
  }
}
