/** Every manifest in the models folder, in all trees that a server may read. */

import { createHash } from "node:crypto";
import { digestOf } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import { type Manifest, MAX_MANIFEST_BYTES, parseManifest } from "../../core/manifest.ts";
import type { ManifestIndex } from "../../core/manifest_index.ts";
import { displayName, fullName, type ModelName, nameOfParts } from "../../core/name.ts";
import { fileError, isMissing } from "../../io/file_error.ts";
import type { Paths } from "../layout/paths.ts";
import { requireDirectory } from "../layout/ownership.ts";

/** A file where a manifest belongs: four levels below one of the trees. */
export interface ManifestFile {
  readonly path: string;
  /** The tree it lies in: `manifests`, or one beside it, such as `manifests-v2`. */
  readonly tree: string;
  /** What its folders and its own name say; undefined where they are no model name. */
  readonly name: ModelName | undefined;
}

/** The tree that this program writes to. */
export const OWN_TREE = "manifests";

/** The trees that servers read; any other beside them is a copy that somebody has made. */
export const SERVED_TREES: readonly string[] = [OWN_TREE, "manifests-v2"];

const LEVELS = 4;

/**
 * All of them, sorted by path, links included. Names with a dot in front are left out: systems leave such
 * files (`.DS_Store`, `._latest`), and no model can be called so. What vanishes meanwhile is not there.
 * Rejects with kind local where a folder cannot be read.
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
 * The manifest in the file, or the index. Rejects with kind local where it cannot be read, with `manifest` where
 * it is none; both name the file.
 */
export async function readManifestFile(
  { path }: Pick<ManifestFile, "path">,
): Promise<Manifest | ManifestIndex> {
  let bytes: Uint8Array;
  try {
    const { size, isFile } = await Deno.stat(path);
    if (!isFile) throw new PullamaError("manifest", `${path} is no file`);
    if (size > MAX_MANIFEST_BYTES) {
      throw new PullamaError("manifest", `${path} is too large for a manifest`);
    }
    bytes = await Deno.readFile(path);
  } catch (error) {
    throw error instanceof PullamaError ? error : fileError(error, "read", path);
  }
  try {
    return parseManifest(bytes, digestOf(createHash("sha256").update(bytes).digest("hex")));
  } catch (cause) {
    const why = cause instanceof PullamaError ? `: ${cause.message}` : "";
    throw new PullamaError("manifest", `cannot read the manifest ${path}${why}`, { cause });
  }
}

/**
 * Those of `things` that are called `name`: in this very spelling, else in the one that differs only in upper
 * and lower case, which Ollama takes for the same. Several: one model in several trees. Throws `usage` where several
 * models are called so, and none of them exactly.
 */
export function matchingName<T extends { readonly name: ModelName | undefined }>(
  things: readonly T[],
  name: ModelName,
): readonly T[] {
  const spelled = (other: ModelName | undefined) => other && fullName(other);
  const exact = things.filter((one) => spelled(one.name) === fullName(name));
  if (exact.length > 0) return exact;
  const folded = things.filter((one) =>
    spelled(one.name)?.toLowerCase() === fullName(name).toLowerCase()
  );
  const [one, other] = new Set(folded.map((one) => spelled(one.name)));
  if (other === undefined) return folded;
  throw new PullamaError(
    "usage",
    `${displayName(name)} may be ${one} or ${other}, which differ only in case`,
    {
      hint: "spell it as it is installed",
    },
  );
}

async function entriesOf(folder: string): Promise<Deno.DirEntry[]> {
  try {
    return await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    // A link to a file is met here as well; a folder may vanish while the server tidies up.
    if (isMissing(error) || error instanceof Deno.errors.NotADirectory) return [];
    throw fileError(error, "read", folder);
  }
}
