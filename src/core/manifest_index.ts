/** Manifest lists and indexes: one name with different manifests for different machines. */

import type { Digest } from "./digest.ts";
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

const OLLAMA_LIST = "application/vnd.ollama.manifest.list.v2+json";

/** The media types of lists and indexes, for the Accept header and for recognizing one. */
export const INDEX_MEDIA_TYPES: readonly string[] = [
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.index.v1+json",
  OLLAMA_LIST,
];

/** A manifest in the index, to be fetched and verified by its digest. */
export interface IndexEntry {
  readonly mediaType: string;
  readonly digest: Digest;
  /** In bytes. Absent in Ollama's lists. */
  readonly size?: number;
  readonly platform?: Platform;
  /** The inference engine, in Ollama's lists. */
  readonly runner?: string;
}

export interface Platform {
  readonly os: string;
  readonly architecture: string;
}

export interface ManifestIndex {
  /** As received, byte for byte. */
  readonly bytes: Uint8Array;
  readonly digest: Digest;
  readonly selectBy: "platform" | "runner";
  readonly entries: readonly IndexEntry[];
}

/** The machine that the model is for, with the values of `Deno.build`. */
export interface Machine {
  readonly os: string;
  readonly arch: string;
}

/** Reads `fields` as an index; other fields are ignored. Throws `manifest`. */
export function indexFrom(fields: Fields, bytes: Uint8Array, digest: Digest): ManifestIndex {
  const entries = listOf(fields.manifests, "manifests")
    .map((value, i) => entryFrom(value, `entry ${i + 1}`));
  const mediaType = textOf(fields, "mediaType", "it");
  const byRunner = mediaType === OLLAMA_LIST ||
    (mediaType === "" && entries.some((entry) => entry.runner !== undefined));
  return { bytes, digest, selectBy: byRunner ? "runner" : "platform", entries };
}

function entryFrom(value: unknown, where: string): IndexEntry {
  const fields = fieldsOf(value, where, []);
  const runner = textOf(fields, "runner", where);
  return {
    mediaType: textOf(fields, "mediaType", where),
    digest: digestIn(fields, where),
    ...(has(fields, "size") && { size: sizeIn(fields, where) }),
    ...(has(fields, "platform") && { platform: platformFrom(fields.platform, where) }),
    ...(runner !== "" && { runner }),
  };
}

function platformFrom(value: unknown, where: string): Platform {
  const fields = fieldsOf(value, `the platform of ${where}`, []);
  return {
    os: textOf(fields, "os", where),
    architecture: textOf(fields, "architecture", where),
  };
}

/**
 * The entry to fetch instead of the index. A model is data and has no platform: a Docker list or
 * an OCI index is accepted only if exactly one entry is left without those for platforms other than
 * linux/amd64. In Ollama's lists the runner decides; mlx comes first on Apple silicon only. Throws
 * `manifest`.
 */
export function selectChild(index: ManifestIndex, machine: Machine): IndexEntry {
  return index.selectBy === "runner"
    ? selectByRunner(index.entries, machine)
    : selectByPlatform(index.entries);
}

function selectByPlatform(entries: readonly IndexEntry[]): IndexEntry {
  const left = entries.filter(({ platform }) => {
    const { os = "", architecture = "" } = platform ?? {};
    return (os === "" && architecture === "") || (os === "linux" && architecture === "amd64");
  });
  const [only, ...others] = left;
  if (only && others.length === 0) return only;
  refuse(
    "it is a multi-platform index, not a model",
    "use a model or tag that has a single manifest in the registry",
  );
}

function selectByRunner(entries: readonly IndexEntry[], machine: Machine): IndexEntry {
  const apple = machine.os === "darwin" && machine.arch === "aarch64";
  const order = apple ? ["mlx", "ollama", "llamacpp"] : ["ollama", "llamacpp", "mlx"];
  for (const runner of order) {
    const entry = entries.find((candidate) => candidate.runner === runner);
    if (entry) return entry;
  }
  refuse(`it is a list without an entry for ${order.join(", ")}`);
}
