/** What an archive has: found by its headers alone, before anything of it is used. */

import { createHash } from "node:crypto";
import { type Digest, digestOf } from "../core/digest.ts";
import { PullamaError } from "../core/errors.ts";
import { type Manifest, MAX_MANIFEST_BYTES, parseManifest } from "../core/manifest.ts";
import type { ModelName } from "../core/name.ts";
import { type ByteSource, readFully } from "../io/streams/file_stream.ts";
import { type Input, membersIn, padded } from "./format.ts";
import { manifestPath, Rules } from "./rules.ts";

/** Bytes of all manifests at most: they are kept in memory. */
const MOST_MANIFESTS = 4 * MAX_MANIFEST_BYTES;

export interface ArchivedModel {
  readonly name: ModelName;
  readonly manifest: Manifest;
}

/** Where the bytes of a blob are. */
export interface Place {
  readonly at: number;
  readonly size: number;
}

export interface Contents {
  /** In the order of the archive. */
  readonly models: readonly ArchivedModel[];
  readonly blobs: ReadonlyMap<Digest, Place>;
}

/** Reads all headers and manifests. Rejects with kind `archive` for what is no archive of models, or a damaged one. */
export async function contentsOf(
  source: ByteSource & { readonly size: number },
  signal: AbortSignal,
): Promise<Contents> {
  const input = new PositionedInput(source);
  const rules = new Rules();
  const reader = new ModelReader();
  const blobs = new Map<Digest, Place>();
  for await (const member of membersIn(input)) {
    signal.throwIfAborted();
    const content = rules.judge(member);
    const end = input.position + padded(member.size);
    // The padding of the last one may be missing where the end is.
    if (input.position + member.size > source.size) {
      throw cutOff(input.position + member.size - source.size);
    }
    if (content.is === "blob") blobs.set(content.digest, { at: input.position, size: member.size });
    if (content.is === "manifest") await reader.read(input, content.name, member.size);
    await input.skipTo(end);
  }
  const { models } = reader;
  if (models.length > 0) return { models, blobs };
  throw new PullamaError("archive", "it has no manifest, so no model", {
    hint: "make it with: pullama export",
  });
}

/** The models of an archive, as their manifests come. */
export class ModelReader {
  readonly models: ArchivedModel[] = [];
  #bytes = 0;

  /** Reads a manifest of `size` bytes. Rejects with kind `archive` for what is none. */
  async read(input: Input, name: ModelName, size: number): Promise<void> {
    const path = manifestPath(name);
    if (size > MAX_MANIFEST_BYTES) throw badManifest(path, "it is too large");
    this.#bytes += size;
    if (this.#bytes > MOST_MANIFESTS) throw tooMany();
    const bytes = await input.read(size);
    if (!bytes) throw cutOff(size);
    const digest = digestOf(createHash("sha256").update(bytes).digest("hex"));
    let manifest;
    try {
      manifest = parseManifest(bytes, digest);
    } catch (error) {
      if (!(error instanceof PullamaError)) throw error;
      throw badManifest(path, error.message);
    }
    if ("entries" in manifest) throw badManifest(path, "it is an index of manifests");
    this.models.push({ name, manifest });
  }
}

function tooMany(): PullamaError {
  const most = MOST_MANIFESTS / 1024 / 1024;
  return new PullamaError("archive", `its manifests have more than ${most} MiB`, {
    hint: "export the models to several archives",
  });
}

/** For an archive that ends before all of it has come. */
export function cutOff(bytes: number): PullamaError {
  return new PullamaError("archive", `it is cut off: ${bytes} bytes or more are missing`, {
    hint: "copy it again; what was imported before is kept",
  });
}

function badManifest(path: string, reason: string): PullamaError {
  return new PullamaError("archive", `${path} is no manifest of a model: ${reason}`);
}

/** Reads by position, so that nothing of a blob is read. */
class PositionedInput implements Input {
  position = 0;

  constructor(private readonly source: ByteSource) {}

  async read(length: number): Promise<Uint8Array | undefined> {
    const bytes = new Uint8Array(length);
    const count = await readFully(this.source, bytes, this.position);
    this.position += count;
    if (count === length) return bytes;
    if (count === 0) return undefined;
    throw cutOff(length - count);
  }

  skipTo(position: number): Promise<void> {
    this.position = position;
    return Promise.resolve();
  }
}
