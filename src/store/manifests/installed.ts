/** The files of the installed models, one for each name. */

import { fullName, type ModelName } from "../../core/name.ts";
import { type ManifestFile, manifestFiles, matchingName, SERVED_TREES } from "./files.ts";
import type { Paths } from "../layout/paths.ts";

/** A manifest file that has a name. */
export interface NamedFile extends ManifestFile {
  readonly name: ModelName;
}

/** The files of all names, one for each: the one that a server reads first. */
export interface FilesByName {
  readonly named: readonly NamedFile[];
  readonly nameless: readonly ManifestFile[];
  readonly hidden: readonly NamedFile[];
}

/** Every manifest file of the trees that servers read. Rejects with kind local where a folder cannot be read. */
export async function filesByName(paths: Paths): Promise<FilesByName> {
  const named = new Map<string, NamedFile>();
  const nameless: ManifestFile[] = [];
  const hidden: NamedFile[] = [];
  const files = await manifestFiles(paths);
  // Of two trees the later one is read first, by servers that know it.
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

/** The names of everything that is installed; no file is opened. Rejects as `filesByName` does. */
export async function installedNames(paths: Paths): Promise<ModelName[]> {
  return (await filesByName(paths)).named.map(({ name }) => name);
}

/**
 * The file of the model that `name` means, in upper and lower case as Ollama tells them apart. Undefined if
 * there is none. Rejects with kind usage where several are meant, else as `filesByName` does.
 */
export async function findInstalled(paths: Paths, name: ModelName): Promise<NamedFile | undefined> {
  return matchingName((await filesByName(paths)).named, name)[0];
}
