/** The models of a folder that are given away: complete ones, which are public or were named. */

import { createHash } from "node:crypto";
import { type Digest, digestOf, isDigest } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import {
  distinctBlobs,
  type Manifest,
  MAX_MANIFEST_BYTES,
  parseManifest,
} from "../../core/manifest.ts";
import type { ManifestIndex } from "../../core/manifest_index.ts";
import {
  DEFAULT_HOST,
  DEFAULT_NAMESPACE,
  displayName,
  type ModelName,
  sameName,
} from "../../core/name.ts";
import type { Offer } from "../../core/reports/serve.ts";
import { mapConcurrent } from "../../io/concurrency.ts";
import { fileError, isMissing, isNoFile } from "../../io/file_error.ts";
import { readSmallFile } from "../../io/guarded.ts";
import { lstatOf } from "../../io/stat.ts";
import { blobPaths, type Paths } from "../layout/paths.ts";
import { filesByName, type NamedFile } from "../manifests/installed.ts";
import type { Proofs } from "./proof.ts";

/** Manifests that are read at a time. */
const AT_ONCE = 16;

/** A complete model. */
export interface OfferedModel {
  readonly name: ModelName;
  /** The one of its name first; those that an index lists after it. */
  readonly manifests: readonly (Manifest | ManifestIndex)[];
  /** Sizes of the blobs of all of them. */
  readonly blobs: ReadonlyMap<Digest, number>;
}

export interface Catalog {
  readonly models: readonly OfferedModel[];
  /** Those of which nothing is known, as something of them cannot be read. */
  readonly unreadable: readonly ModelName[];
  readonly offer: Offer;
}

/** Whether a model is given away without having been named: everyone can pull those. */
function isPublic({ host, namespace }: ModelName): boolean {
  return host.toLowerCase() === DEFAULT_HOST && namespace.toLowerCase() === DEFAULT_NAMESPACE;
}

/**
 * Reads all manifests. `shared`: models that are given away besides those that everyone can pull. What cannot be read
 * counts as incomplete in the offer. Rejects with kind local where a directory cannot be read.
 */
export async function readCatalog(
  paths: Paths,
  shared: readonly ModelName[],
  proofs: Proofs,
): Promise<Catalog> {
  const models: OfferedModel[] = [];
  const withheld: ModelName[] = [];
  const incomplete: ModelName[] = [];
  const unreadable: ModelName[] = [];
  await mapConcurrent((await filesByName(paths)).named, AT_ONCE, async (file) => {
    const { name } = file;
    if (!isPublic(name) && !shared.some((one) => sameName(one, name))) {
      withheld.push(name);
      return;
    }
    const model = await modelOf(paths, file, proofs).catch((error) => {
      if (isSystemFailure(error)) unreadable.push(name);
    });
    if (model) models.push(model);
    else incomplete.push(name);
  });
  const served = models.map(({ name }) => name);
  const names = (list: readonly ModelName[]) => list.map(displayName).sort();
  const offer = {
    served: names(served),
    withheld: names(withheld),
    incomplete: names(incomplete),
  };
  return { models, unreadable, offer };
}

/** Whether a file could not be read; false: it is missing, or its content is of no use. */
function isSystemFailure(error: unknown): boolean {
  return error instanceof PullamaError && error.kind === "local" && !isNoFile(error);
}

/** Undefined: it is not complete. Rejects where it cannot be read. */
async function modelOf(
  paths: Paths,
  file: NamedFile,
  proofs: Proofs,
): Promise<OfferedModel | undefined> {
  const path = await ownPath(paths, file);
  const top = path === undefined ? undefined : await manifestIn(path);
  if (!top) return undefined;
  const manifests = "entries" in top ? await childrenOf(paths, top) : [top];
  const blobs = new Map<Digest, number>();
  const whole: Manifest[] = [];
  for (const manifest of manifests) {
    const needed = distinctBlobs(manifest);
    const there = await mapConcurrent(
      needed,
      AT_ONCE,
      ({ digest, size }) => isThere(paths, digest, size, proofs),
    );
    if (!there.every((one) => one)) continue;
    whole.push(manifest);
    for (const { digest, size } of needed) blobs.set(digest, size);
  }
  if (whole.length === 0) return undefined;
  return { name: file.name, manifests: "entries" in top ? [top, ...whole] : whole, blobs };
}

/** The manifests of an index that are there, as blobs. */
async function childrenOf(paths: Paths, index: ManifestIndex): Promise<readonly Manifest[]> {
  const children: Manifest[] = [];
  for (const { digest } of index.entries) {
    const child = await manifestIn(blobPaths(paths, digest).final).catch((error) => {
      if (isSystemFailure(error)) throw error;
    });
    if (child && "layers" in child && child.digest === digest) children.push(child);
  }
  return children;
}

/** Rejects where it cannot be read, or is no manifest. */
async function manifestIn(path: string): Promise<Manifest | ManifestIndex | undefined> {
  const file = await readSmallFile(path, MAX_MANIFEST_BYTES);
  if (!file) return undefined;
  const { bytes } = file;
  return parseManifest(bytes, digestOf(createHash("sha256").update(bytes).digest("hex")));
}

/** Whether the blob is a regular file of this size that was not found to be wrong. */
async function isThere(
  paths: Paths,
  digest: Digest,
  size: number,
  proofs: Proofs,
): Promise<boolean> {
  const info = await lstatOf(blobPaths(paths, digest).final);
  return info !== undefined && info.isFile && info.size === size && !proofs.isWrong(digest, info);
}

/**
 * Where the manifest is, without any link: in its tree, or, where the tag is a link, among the blobs. Undefined: a link
 * leads elsewhere.
 */
async function ownPath(paths: Paths, { path, tree }: NamedFile): Promise<string | undefined> {
  const root = `${paths.root}/${tree}`;
  const [real, top, blobs] = await Promise.all([path, root, paths.blobs].map(realPath));
  if (real === undefined || top === undefined) return undefined;
  if (real === top + path.slice(root.length)) return real;
  const [, folder, file = ""] = /^(.*)\/(.*)$/.exec(real) ?? [];
  return folder === blobs && isDigest(file.replace("-", ":")) ? real : undefined;
}

/** Undefined: nothing is there, or links lead in a circle. Rejects with kind local where that cannot be known. */
async function realPath(path: string): Promise<string | undefined> {
  try {
    return (await Deno.realPath(path)).replaceAll("\\", "/");
  } catch (error) {
    if (isMissing(error) || error instanceof Deno.errors.FilesystemLoop) return undefined;
    throw fileError(error, "read", path);
  }
}
