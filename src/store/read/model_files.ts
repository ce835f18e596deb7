/** The files of installed models, to be copied elsewhere as they are. */

import { type Digest, shortId } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import { type Descriptor, distinctBlobs, type Manifest } from "../../core/manifest.ts";
import type { Machine } from "../../core/manifest_index.ts";
import { displayName, type ModelName } from "../../core/name.ts";
import { systemClock } from "../../io/clock.ts";
import { statOf } from "../../io/stat.ts";
import { type ByteSource, fileSource } from "../../io/streams/file_stream.ts";
import type { Folder } from "../layout/folder.ts";
import { blobPaths } from "../layout/paths.ts";
import { Ledger, verifiedFile } from "../layout/verified.ts";
import { findInstalled } from "../manifests/installed.ts";
import { openBlob, openWanted } from "./folder_source.ts";

/** How often, and how many milliseconds apart, the ledger is read for a blob that has another time. */
const MOST_LOOKS = 10;
const LOOK_MS = 300;

/** A manifest as it is stored. */
export interface ManifestOf {
  /** As it is spelled in the folder. */
  readonly name: ModelName;
  readonly manifest: Manifest;
  readonly modifiedMs: number;
}

export interface BlobFile {
  readonly blob: Descriptor;
  readonly modifiedMs: number;
  /** Opens it for reading. Rejects as `FolderSource.open`. */
  open(): Promise<OpenedFile>;
}

export interface OpenedFile extends ByteSource {
  /** It was verified before, and has not changed since. */
  readonly isVerified: boolean;
  /** Whether it is still as it was when it was opened. */
  isSame(): Promise<boolean>;
}

export interface ModelFiles {
  /** Each once, in the order in which they were named. */
  readonly models: readonly ManifestOf[];
  /** All that the models need, each once, without those that were left out. */
  readonly blobs: readonly BlobFile[];
  /** How many were left out. */
  readonly skipped: number;
}

/**
 * The files of the models `names`, without the blobs in `skip`. Rejects with `not_found` for a model that is not
 * installed or lacks a blob, `moved` for one that is pinned to another manifest, `size` where a blob has another size,
 * `manifest`, and kind local.
 */
export async function modelFiles(
  folder: Folder,
  names: readonly ModelName[],
  skip: ReadonlySet<Digest>,
  machine: Machine,
): Promise<ModelFiles> {
  const models = new Map<string, ManifestOf>();
  const blobs = new Map<Digest, BlobFile>();
  const skipped = new Set<Digest>();
  const ledger = await Ledger.open(folder);
  for (const name of names) {
    const model = await manifestOf(folder, name, machine);
    models.set(displayName(model.name), model);
    for (const blob of distinctBlobs(model.manifest)) {
      const { digest } = blob;
      if (skip.has(digest)) skipped.add(digest);
      else if (!blobs.has(digest)) blobs.set(digest, await blobFile(folder, blob, name, ledger));
    }
  }
  return { models: [...models.values()], blobs: [...blobs.values()], skipped: skipped.size };
}

async function manifestOf(
  { paths }: Folder,
  name: ModelName,
  machine: Machine,
): Promise<ManifestOf> {
  const file = await findInstalled(paths, name);
  if (!file) {
    throw new PullamaError("not_found", `${displayName(name)} is not installed in ${paths.root}`, {
      hint: "see which models are: pullama list",
    });
  }
  const { manifest, modifiedMs = 0 } = await openWanted(paths, file, name, machine);
  return { name: file.name, manifest, modifiedMs };
}

async function blobFile(
  { paths }: Folder,
  blob: Descriptor,
  model: ModelName,
  ledger: Ledger,
): Promise<BlobFile> {
  const path = blobPaths(paths, blob.digest).final;
  const info = await statOf(path);
  if (!info?.isFile || info.size !== blob.size) {
    const what = info ? `has ${info.size} bytes, not ${blob.size}` : "is missing";
    const message = `${displayName(model)} is not complete: blob ${shortId(blob.digest)} ${what}`;
    throw new PullamaError(info ? "size" : "not_found", message, {
      hint: `complete it with: pullama ${displayName(model)}`,
    });
  }
  return {
    blob,
    modifiedMs: info.mtime?.getTime() ?? 0,
    async open() {
      const file = await openBlob(path, blob);
      const before = verifiedFile(await file.stat());
      return {
        ...fileSource(file),
        isVerified: ledger.vouchesFor(blob.digest, before),
        async isSame() {
          const now = verifiedFile(await file.stat());
          if (now.size === before.size && now.mtimeMs === before.mtimeMs) return true;
          // A pull of another model gives a blob a new time, and notes it once it has done so with all.
          for (let looks = 0; looks < MOST_LOOKS; looks++) {
            await ledger.refresh();
            if (ledger.vouchesFor(blob.digest, now)) return true;
            await systemClock.sleep(LOOK_MS);
          }
          return false;
        },
      };
    },
  };
}
