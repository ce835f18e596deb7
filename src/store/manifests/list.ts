/**
 * Lists the installed models. Reads all manifests, but only the configs of models without weights.
 */

import { asPullamaError } from "../../core/errors.ts";
import type {
  BrokenManifest,
  HiddenManifest,
  InstalledModel,
  Inventory,
  Remote,
} from "../../core/reports/installed.ts";
import { distinctBlobs, type Manifest } from "../../core/manifest.ts";
import { type Machine, type ManifestIndex, selectChild } from "../../core/manifest_index.ts";
import { displayName, fullName } from "../../core/name.ts";
import { isMissing } from "../../io/file_error.ts";
import { exists, statOf } from "../../io/stat.ts";
import { mapConcurrent } from "../../io/concurrency.ts";
import { readManifestFile } from "./files.ts";
import { parseConfig } from "./config.ts";
import { filesByName, type NamedFile } from "./installed.ts";
import { blobPaths, type Paths } from "../layout/paths.ts";
import { readSmallBlob } from "./small_blob.ts";

/** Manifests read concurrently. */
const AT_ONCE = 16;
const WEIGHTS = /^application\/vnd\.ollama\.image\.(model|tensor)$/;

/**
 * All installed models, even if blobs are missing; `withBlobs` also which blobs each has. Rejects with kind `local` if a directory cannot
 * be read; a models folder that does not exist is empty.
 */
export async function inventoryOf(
  paths: Paths,
  machine: Machine,
  withBlobs = false,
): Promise<Inventory> {
  const { named, nameless, hidden } = await filesByName(paths);
  const models: InstalledModel[] = [];
  const broken: BrokenManifest[] = nameless.map(({ path }) => ({
    path,
    reason: `cannot list the manifest ${path}: its path is not a valid model name`,
  }));
  await mapConcurrent(named, AT_ONCE, async (file) => {
    try {
      models.push(await modelOf(paths, file, machine, withBlobs));
    } catch (error) {
      if (isMissing(error) && !await exists(file.path).catch(() => true)) return;
      const reason = isMissing(error)
        ? `cannot read the manifest ${file.path}: broken symbolic link`
        : asPullamaError(error).message;
      broken.push({ path: file.path, name: file.name, reason });
    }
  });
  return {
    models: models.sort(byAge),
    broken: broken.sort(byPath),
    hidden: await othersThan(models, hidden),
  };
}

/**
 * The hidden files that differ from the manifest that hides them: servers that migrate to another
 * tree leave copies.
 */
async function othersThan(
  models: readonly InstalledModel[],
  hidden: readonly NamedFile[],
): Promise<HiddenManifest[]> {
  const digests = new Map(models.map(({ name, digest }) => [fullName(name), digest]));
  const others: HiddenManifest[] = [];
  await mapConcurrent(hidden, AT_ONCE, async ({ path, name }) => {
    const own = await readManifestFile({ path }).catch(() => undefined);
    const shown = digests.get(fullName(name));
    if (own === undefined || own.digest !== shown) others.push({ path, name });
  });
  return others.sort(byPath);
}

/** `manifest` is undefined if the file is an index whose manifest for this machine is missing. */
export interface OpenedModel extends InstalledModel {
  readonly manifest: Manifest | undefined;
}

/** Reads the manifest of a model; of an index, the manifest for `machine`. */
export async function openModel(
  paths: Paths,
  file: NamedFile,
  machine: Machine,
): Promise<OpenedModel> {
  const read = await readManifestFile(file);
  const info = await statOf(file.path);
  const manifest = "layers" in read ? read : await childOf(paths, read, machine);
  const modifiedMs = info?.mtime?.getTime();
  return {
    name: file.name,
    digest: read.digest,
    ...(modifiedMs !== undefined && { modifiedMs }),
    manifest,
  };
}

async function modelOf(
  paths: Paths,
  file: NamedFile,
  machine: Machine,
  withBlobs: boolean,
): Promise<InstalledModel> {
  const { manifest, ...model } = await openModel(paths, file, machine);
  if (manifest === undefined) return model;
  const remote = await remoteOf(paths, manifest);
  return {
    ...model,
    size: sizeOf(manifest),
    ...(withBlobs && { blobs: distinctBlobs(manifest) }),
    ...(remote && { remote }),
  };
}

/** The size in bytes as in `ollama list`: a layer that occurs twice counts twice. */
export function sizeOf({ config, layers }: Manifest): number {
  return layers.reduce((sum, { size }) => sum + size, config?.size ?? 0);
}

/** Only the config distinguishes a remote model from other models without weights. */
async function remoteOf(paths: Paths, { config, layers }: Manifest): Promise<Remote | undefined> {
  if (config === undefined || layers.some((layer) => WEIGHTS.test(layer.mediaType))) {
    return undefined;
  }
  const bytes = await readSmallBlob(paths, config).catch(() => undefined);
  return bytes && parseConfig(bytes)?.remote;
}

async function childOf(
  paths: Paths,
  index: ManifestIndex,
  machine: Machine,
): Promise<Manifest | undefined> {
  try {
    const path = blobPaths(paths, selectChild(index, machine).digest).final;
    const child = await readManifestFile({ path });
    return "layers" in child ? child : undefined;
  } catch {
    return undefined;
  }
}

function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : 1;
}

/** Newest first, by seconds as in Ollama; then by name. */
function byAge(a: InstalledModel, b: InstalledModel): number {
  const seconds = ({ modifiedMs = 0 }: InstalledModel) => Math.floor(modifiedMs / 1000);
  return seconds(b) - seconds(a) || (displayName(a.name) < displayName(b.name) ? -1 : 1);
}
