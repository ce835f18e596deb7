/** Which models are installed. Reads every manifest once, and a configuration only of models without weights. */

import { asPullamaError } from "../../core/errors.ts";
import type {
  BrokenManifest,
  HiddenManifest,
  InstalledModel,
  Inventory,
  Remote,
} from "../../core/reports/installed.ts";
import type { Manifest } from "../../core/manifest.ts";
import { type Machine, type ManifestIndex, selectChild } from "../../core/manifest_index.ts";
import { displayName, fullName } from "../../core/name.ts";
import { isMissing } from "../../io/file_error.ts";
import { statOf } from "../../io/stat.ts";
import { mapConcurrent } from "../../io/concurrency.ts";
import { readManifestFile } from "./files.ts";
import { parseConfig } from "./config.ts";
import { filesByName, type NamedFile } from "./installed.ts";
import { blobPaths, type Paths } from "../layout/paths.ts";
import { readSmallBlob } from "./small_blob.ts";

/** Manifests that are read at the same time. */
const AT_ONCE = 16;
const WEIGHTS = /^application\/vnd\.ollama\.image\.(model|tensor)$/;

/**
 * Everything that is installed, whether its blobs are there or not. Rejects with kind local where a folder
 * cannot be read; a models folder that does not exist is empty.
 */
export async function inventoryOf(paths: Paths, machine: Machine): Promise<Inventory> {
  const { named, nameless, hidden } = await filesByName(paths);
  const models: InstalledModel[] = [];
  const broken: BrokenManifest[] = nameless.map(({ path }) => ({
    path,
    reason: `${path} lies where manifests belong, but no model can be called so`,
  }));
  await mapConcurrent(named, AT_ONCE, async (file) => {
    try {
      models.push(await modelOf(paths, file, machine));
    } catch (error) {
      if (isMissing(error) && !await isThere(file.path)) return;
      const reason = isMissing(error)
        ? `cannot read the manifest ${file.path}: it is a link to nothing`
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

/** Those of the hidden files whose manifest is not the one that hides it: servers that move house leave copies. */
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

/** What the manifest file says; the manifest itself is undefined where a list names none that is here. */
export interface OpenedModel extends InstalledModel {
  readonly manifest: Manifest | undefined;
}

/** Reads the manifest of a model, through a list of manifests to the one for this machine. */
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
): Promise<InstalledModel> {
  const { manifest, ...model } = await openModel(paths, file, machine);
  if (manifest === undefined) return model;
  const remote = await remoteOf(paths, manifest);
  return { ...model, size: sizeOf(manifest), ...(remote && { remote }) };
}

/** As `ollama list` adds them up: every layer, also one that is named twice. */
export function sizeOf({ config, layers }: Manifest): number {
  return layers.reduce((sum, { size }) => sum + size, config?.size ?? 0);
}

/** Only the configuration tells a model that runs elsewhere from one without weights. */
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

/** Whether something has this name, even a link to nothing. */
async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    return !isMissing(error);
  }
}

function byPath(a: { readonly path: string }, b: { readonly path: string }): number {
  return a.path < b.path ? -1 : 1;
}

/** Seconds count, as for Ollama. */
function byAge(a: InstalledModel, b: InstalledModel): number {
  const seconds = ({ modifiedMs = 0 }: InstalledModel) => Math.floor(modifiedMs / 1000);
  return seconds(b) - seconds(a) || (displayName(a.name) < displayName(b.name) ? -1 : 1);
}
