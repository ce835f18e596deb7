/**
 * Parses and validates manifests. Everything a registry sends is checked before any further request
 * or write: Ollama reads the stored bytes, and one unreadable manifest stops its pruning.
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
import { PullamaError } from "./errors.ts";
import { htmlTitle } from "./html_title.ts";
import { INDEX_MEDIA_TYPES, indexFrom, type ManifestIndex } from "./manifest_index.ts";
import { displayName, type ModelName } from "./name.ts";
import { quoted } from "./quote.ts";
import { readStrictJson } from "./strict_json.ts";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

export interface Manifest {
  /** As received, byte for byte: these bytes are stored, and the ID is their digest. */
  readonly bytes: Uint8Array;
  readonly digest: Digest;
  readonly config?: Descriptor;
  readonly layers: readonly Descriptor[];
  /** Whose word it is, if not that of the model's registry. */
  readonly from?: MirrorWord;
}

/** A mirror that has said which manifest a tag has. */
export interface MirrorWord {
  /** Without credentials, which a mirror's URL cannot have. */
  readonly url: string;
  /** Why the registry was not asked. */
  readonly because: "offline" | "unreachable";
}

/** The size limit in bytes; manifests of models with thousands of tensors are smaller. */
export const MAX_MANIFEST_BYTES: number = 16 * 1024 * 1024;

/** The media types of manifests, for the Accept header and for recognizing one. */
export const MANIFEST_MEDIA_TYPES: readonly string[] = [
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
];

/** The keys that Ollama reads. */
const DESCRIPTOR_KEYS = ["mediaType", "digest", "size", "from", "name"];
const MANIFEST_KEYS = ["schemaVersion", "mediaType", "config", "layers"];

/**
 * Parses `bytes`, whose digest is `digest`, as a manifest or an index; both are kept unchanged.
 * Media types of layers are not checked. A manifest without layers is accepted if it has a config:
 * stubs of models that run elsewhere have nothing else, and only the config itself tells that it is
 * a stub. Throws `manifest`, naming the problem and its place.
 */
export function parseManifest(bytes: Uint8Array, digest: Digest): Manifest | ManifestIndex {
  if (bytes.length > MAX_MANIFEST_BYTES) {
    refuse(`it is larger than ${MAX_MANIFEST_BYTES / 1024 / 1024} MiB`);
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

/** The media type that a manifest says it has; that of Docker, as Ollama reads it, if it says none. */
export function mediaTypeOf({ bytes }: Manifest): string {
  const { mediaType } = JSON.parse(new TextDecoder().decode(bytes));
  return MANIFEST_MEDIA_TYPES.find((type) => type === mediaType) ?? MANIFEST_MEDIA_TYPES[0]!;
}

/** The error for a name that is pinned, if its tag has another manifest than the wanted one. */
export function movedError(name: ModelName, current: Digest): PullamaError {
  const message = `the tag now has the manifest ${current}, not ${name.digest}`;
  const hint = `for the one that it has now: pullama pull ${displayName(name)}`;
  return new PullamaError("moved", message, { hint });
}

/** The media types of layers that Ollama uses, and of those of container images. */
const MODEL_LAYER = /^application\/vnd\.ollama\./;
const CONTAINER_LAYER = /^application\/vnd\.(docker\.image\.rootfs|oci\.image\.layer)\./;

/**
 * Throws `manifest` for the manifest of something else than a model: one with layers of which none
 * is for Ollama. Stubs of models that run elsewhere may have no layers.
 */
export function assertModel({ layers }: Manifest): void {
  const types = layers.map(({ mediaType }) => mediaType);
  if (types.length === 0 || types.some((type) => MODEL_LAYER.test(type))) return;
  const hint = "check the name; --force stores it anyway, but Ollama cannot run it";
  if (types.some((type) => CONTAINER_LAYER.test(type))) {
    refuse("it is a container image, not a model", hint);
  }
  const kinds = [...new Set(types)].slice(0, 3).map((type) => quoted(type, 60)).join(", ");
  refuse(`it has no layer that Ollama uses (${kinds})`, hint);
}

/** Every distinct blob of the manifest, smallest first; equal sizes keep the manifest's order. */
export function distinctBlobs(manifest: Manifest): Descriptor[] {
  const all = manifest.config ? [manifest.config, ...manifest.layers] : manifest.layers;
  const blobs = new Map<Digest, Descriptor>();
  for (const blob of all) if (!blobs.has(blob.digest)) blobs.set(blob.digest, blob);
  return [...blobs.values()].sort((a, b) => a.size - b.size);
}

/** The size of all distinct blobs of the manifest, in bytes. */
export function manifestSize(manifest: Manifest): number {
  return distinctBlobs(manifest).reduce((sum, blob) => sum + blob.size, 0);
}

function topFields(bytes: Uint8Array): Fields {
  const json = readStrictJson(bytes, {
    unique: [...MANIFEST_KEYS, ...DESCRIPTOR_KEYS, "manifests"],
    whole: ["schemaVersion", "size"],
  });
  if ("fault" in json) {
    // A web page, such as the error page of a proxy, starts with "<".
    if (bytes.find((byte) => byte > 0x20) !== 0x3c) refuse(json.fault);
    const title = htmlTitle(new TextDecoder().decode(bytes.subarray(0, 64 << 10)));
    const page = title === "" ? "a web page" : `a web page titled ${quoted(title, 80)}`;
    refuse(`the response is ${page}`, "check the proxy, or log in to the network");
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

/** Ollama treats a config without a digest as missing. */
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

/** The fields of a config or layer, all readable by Ollama, even those not used here. */
function readable(value: unknown, where: string): Fields {
  const fields = fieldsOf(value, where, DESCRIPTOR_KEYS);
  for (const key of ["mediaType", "from", "name"]) textOf(fields, key, where);
  return fields;
}

function descriptorFrom(fields: Fields, where: string): Descriptor {
  const digest = digestIn(fields, where);
  const size = sizeIn(fields, where);
  if (size === 0 && digest !== EMPTY_DIGEST) {
    refuse(`${where}: size 0, but not the digest of an empty blob`);
  }
  if (size !== 0 && digest === EMPTY_DIGEST) {
    refuse(`${where}: size ${size}, but the digest of an empty blob`);
  }
  return { mediaType: textOf(fields, "mediaType", where), digest, size };
}

/** Checks that no digest has two sizes, and that the total is exactly representable as a number. */
function checkSizes(blobs: readonly Descriptor[]): void {
  const sizes = new Map<Digest, number>();
  let total = 0;
  for (const { digest, size } of blobs) {
    const known = sizes.get(digest);
    if (known === undefined) total += size;
    else if (known !== size) refuse(`${digest} has two sizes, ${known} and ${size}`);
    sizes.set(digest, size);
  }
  if (total > Number.MAX_SAFE_INTEGER) refuse("the total size of its blobs exceeds 8 PiB");
}
