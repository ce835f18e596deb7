/** A models folder as a source of models: what is installed in it, read as if it came from a registry. */

import type { BlobBody, Source } from "../../core/content.ts";
import { shortId } from "../../core/digest.ts";
import { PullamaError } from "../../core/errors.ts";
import { type Descriptor, type Manifest, movedError } from "../../core/manifest.ts";
import type { Machine } from "../../core/manifest_index.ts";
import { displayName, type ModelName } from "../../core/name.ts";
import type { Chunk, Range } from "../../core/ranges.ts";
import { fileError, isMissing } from "../../io/file_error.ts";
import { openForReading } from "../../io/guarded.ts";
import { lstatOf } from "../../io/stat.ts";
import { fileSource, streamOf } from "../../io/streams/file_stream.ts";
import { blobPaths, type Paths } from "../layout/paths.ts";
import { isOwn } from "../layout/trust.ts";
import { findInstalled, type NamedFile } from "../manifests/installed.ts";
import { type OpenedModel, openModel } from "../manifests/list.ts";

/**
 * Reads models by name and blobs by digest and range. Only what is complete is given: a manifest that cannot be read, a
 * blob that is missing or has another size, is an error. Digests are not verified: the store that receives them does.
 */
export class FolderSource implements Source {
  /** `machine` is what an index is resolved for. */
  constructor(private readonly paths: Paths, private readonly machine: Machine) {}

  /**
   * Rejects with `not_found` where the model is not installed, `moved` where it is pinned to another manifest,
   * `manifest` where it is damaged, and kind local.
   */
  async manifest(name: ModelName, signal: AbortSignal): Promise<Manifest> {
    signal.throwIfAborted();
    const file = await requireInstalled(this.paths, name);
    return (await openWanted(this.paths, file, name, this.machine)).manifest;
  }

  /** A models folder has no list of chunks. */
  chunksums(): Promise<readonly Chunk[] | undefined> {
    return Promise.resolve(undefined);
  }

  /** Rejects with `not_found` where the blob is missing, `size` where it has another size, and kind local. */
  async open(
    _name: ModelName,
    blob: Descriptor,
    range: Range,
    signal: AbortSignal,
  ): Promise<BlobBody> {
    signal.throwIfAborted();
    const path = blobPaths(this.paths, blob.digest).final;
    const file = await openBlob(path, blob);
    return { range, ranged: true, stream: streamOf(fileSource(file), path, range, signal) };
  }

  /** There is one place only. */
  sendsRanges(): boolean {
    return true;
  }

  forgetAddress(): readonly Range[] {
    return [];
  }
}

/** The manifest file of a model. Rejects with `not_found` where it is not installed, and kind local. */
export async function requireInstalled(paths: Paths, name: ModelName): Promise<NamedFile> {
  const file = await findInstalled(paths, name);
  if (file) return file;
  const hint = "see which models are: pullama list";
  throw new PullamaError("not_found", `it is not installed in ${paths.root}`, { hint });
}

/**
 * Reads the model of `file`. Rejects with `moved` where `name` is pinned to another manifest, `not_found` where that for
 * this machine is missing, `manifest`, and kind local.
 */
export async function openWanted(
  paths: Paths,
  file: NamedFile,
  name: ModelName,
  machine: Machine,
): Promise<OpenedModel & { readonly manifest: Manifest }> {
  const { manifest, ...model } = await openModel(paths, file, machine);
  if (!manifest) {
    const message = `the manifest of ${displayName(name)} for this machine is missing`;
    throw new PullamaError("not_found", message);
  }
  if (name.digest && ![model.digest, manifest.digest].includes(name.digest)) {
    throw movedError(name, manifest.digest);
  }
  return { ...model, manifest };
}

/** Opens a blob for reading. Rejects as `FolderSource.open`. */
export async function openBlob(path: string, { digest, size }: Descriptor): Promise<Deno.FsFile> {
  let file: Deno.FsFile;
  try {
    file = await openForReading(path);
  } catch (error) {
    if (!isMissing(error)) throw fileError(error, "read", path);
    throw new PullamaError("not_found", `blob ${shortId(digest)} is missing`, { cause: error });
  }
  const info = await file.stat();
  if (!await isNamedBy(path, info)) {
    file.close();
    throw new PullamaError("local", `${path} is a link of another user, or was replaced`);
  }
  if (info.isFile && info.size === size) return file;
  file.close();
  const found = info.isFile ? `has ${info.size} bytes, not ${size}` : "is not a file";
  throw new PullamaError("size", `blob ${shortId(digest)} ${found}`);
}

/** Whether the path is the open file itself, or a link to it that this user or root has made. */
async function isNamedBy(path: string, file: Deno.FileInfo): Promise<boolean> {
  const named = await lstatOf(path);
  if (!named || Deno.build.os === "windows") return named !== undefined;
  if (named.isSymlink) return isOwn(named.uid);
  return named.ino === file.ino && named.dev === file.dev;
}
