/**
 * What a model is made of. Whatever a registry sends is checked here before anything is asked for or
 * written: Ollama reads the stored bytes again, and a manifest that it cannot read stops its housekeeping.
 */

import { type Digest, EMPTY_DIGEST } from "./digest.ts";
import {
  digestIn,
  type Fields,
  fieldsOf,
  has,
  listOf,
  refuse,
  sizeIn,
  textOf,
} from "./manifest_fields.ts";
import { INDEX_MEDIA_TYPES, indexFrom, type ManifestIndex } from "./manifest_index.ts";
import { quoted } from "./quote.ts";
import { readStrictJson } from "./strict_json.ts";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

export interface Manifest {
  /** As received, byte for byte: what is stored and what the ID is made of. */
  readonly bytes: Uint8Array;
  readonly digest: Digest;
  readonly config?: Descriptor;
  readonly layers: readonly Descriptor[];
}

/** What is read of an answer at most, in bytes: models of thousands of tensors stay below. */
export const MAX_MANIFEST_BYTES: number = 16 * 1024 * 1024;

/** The media types of manifests, to be asked for and to be recognised by. */
export const MANIFEST_MEDIA_TYPES: readonly string[] = [
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
];

/** The fields that Ollama reads. */
const DESCRIPTOR_KEYS = ["mediaType", "digest", "size", "from", "name"];
const MANIFEST_KEYS = ["schemaVersion", "mediaType", "config", "layers"];

/**
 * The manifest or the index that `bytes` are; `digest` is theirs, and both are kept as they are. Media
 * types of layers are not judged. A manifest without layers is accepted if it has a config: stubs of
 * models that run elsewhere have nothing but one, and whether it is a stub only the config itself says.
 * Throws `manifest` with what is wrong and where.
 */
export function parseManifest(bytes: Uint8Array, digest: Digest): Manifest | ManifestIndex {
  if (bytes.length > MAX_MANIFEST_BYTES) {
    refuse(`it has more than ${MAX_MANIFEST_BYTES / 1024 / 1024} MiB`);
  }
  const fields = topFields(bytes);
  checkVersion(fields);
  const mediaType = textOf(fields, "mediaType", "it");
  if (
    INDEX_MEDIA_TYPES.includes(mediaType) || (has(fields, "manifests") && !has(fields, "layers"))
  ) {
    return indexFrom(fields, bytes, digest);
  }
  if (mediaType !== "" && !MANIFEST_MEDIA_TYPES.includes(mediaType)) {
    refuse(`unsupported media type ${quoted(mediaType)}`);
  }
  const config = has(fields, "config") ? configFrom(fields.config) : undefined;
  const layers = layersFrom(fields, config !== undefined);
  checkSizes(config ? [config, ...layers] : layers);
  return { bytes, digest, ...(config && { config }), layers };
}

/** Every blob of the manifest once, the smallest first; of one size in the manifest's order. */
export function distinctBlobs(manifest: Manifest): Descriptor[] {
  const all = manifest.config ? [manifest.config, ...manifest.layers] : manifest.layers;
  const blobs = new Map<Digest, Descriptor>();
  for (const blob of all) if (!blobs.has(blob.digest)) blobs.set(blob.digest, blob);
  return [...blobs.values()].sort((a, b) => a.size - b.size);
}

/** Bytes of all blobs of the manifest, each counted once. */
export function manifestSize(manifest: Manifest): number {
  return distinctBlobs(manifest).reduce((sum, blob) => sum + blob.size, 0);
}

function topFields(bytes: Uint8Array): Fields {
  const json = readStrictJson(bytes, {
    unique: [...MANIFEST_KEYS, ...DESCRIPTOR_KEYS, "manifests"],
    whole: ["schemaVersion", "size"],
  });
  if ("fault" in json) {
    // "<" opens the page of a proxy or of an error.
    const page = bytes.find((byte) => byte > 0x20) === 0x3c;
    refuse(
      json.fault,
      page ? "a web page came instead: look at proxy and network login" : undefined,
    );
  }
  return fieldsOf(json.value, "it", MANIFEST_KEYS);
}

function checkVersion(fields: Fields): void {
  const known = has(fields, "schemaVersion");
  if (fields.schemaVersion === 1 || (!known && has(fields, "fsLayers"))) {
    refuse("it is a schema 1 manifest");
  }
  if (known && fields.schemaVersion !== 2) refuse("its schemaVersion is not 2");
}

/** Ollama takes a config without a digest for none. */
function configFrom(value: unknown): Descriptor | undefined {
  const fields = readable(value, "config");
  if (has(fields, "digest") && fields.digest !== "") return descriptorFrom(fields, "config");
  if (has(fields, "size")) sizeIn(fields, "config");
  return undefined;
}

function layersFrom(fields: Fields, hasConfig: boolean): Descriptor[] {
  if (!("layers" in fields)) refuse("it has no layers");
  const layers = listOf(fields.layers ?? [], "layers").map((value, i) => {
    const where = `layer ${i + 1}`;
    return descriptorFrom(readable(value, where), where);
  });
  if (layers.length === 0 && !hasConfig) refuse("it has no layers and no config");
  return layers;
}

/** The fields of a config or layer, all of which Ollama can read, also those that are not used here. */
function readable(value: unknown, where: string): Fields {
  const fields = fieldsOf(value, where, DESCRIPTOR_KEYS);
  for (const key of ["mediaType", "from", "name"]) textOf(fields, key, where);
  return fields;
}

function descriptorFrom(fields: Fields, where: string): Descriptor {
  const digest = digestIn(fields, where);
  const size = sizeIn(fields, where);
  if (size === 0 && digest !== EMPTY_DIGEST) refuse(`${where}: size 0, but a digest of some bytes`);
  if (size !== 0 && digest === EMPTY_DIGEST) {
    refuse(`${where}: size ${size}, but the digest of none`);
  }
  return { mediaType: textOf(fields, "mediaType", where), digest, size };
}

/** One digest has one size, and the sum of all distinct blobs is exact. */
function checkSizes(blobs: readonly Descriptor[]): void {
  const sizes = new Map<Digest, number>();
  let total = 0;
  for (const { digest, size } of blobs) {
    const known = sizes.get(digest);
    if (known === undefined) total += size;
    else if (known !== size) refuse(`${digest} has two sizes, ${known} and ${size}`);
    sizes.set(digest, size);
  }
  if (total > Number.MAX_SAFE_INTEGER) refuse("its blobs are larger than 8 PiB together");
}
