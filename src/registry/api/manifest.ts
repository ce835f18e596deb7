/** Fetches the manifest of a name: which media types are accepted, and what the responses mean. */

import { createHash } from "node:crypto";
import { type Digest, digestOf, isDigest } from "../../core/digest.ts";
import { asPullamaError, PullamaError, remedyOf } from "../../core/errors.ts";
import {
  type Manifest,
  MANIFEST_MEDIA_TYPES,
  MAX_MANIFEST_BYTES,
  movedError,
  parseManifest,
} from "../../core/manifest.ts";
import {
  INDEX_MEDIA_TYPES,
  type Machine,
  type ManifestIndex,
  selectChild,
} from "../../core/manifest_index.ts";
import { fullName, type ModelName } from "../../core/name.ts";
import { Deadline } from "../../io/abort.ts";
import type { Confirmer } from "./confirm.ts";
import { discard } from "../http/http.ts";
import { huggingFaceHint } from "./hugging_face.ts";
import { readWhole } from "../http/body.ts";
import { COMPRESSED_HINT, isCompressed } from "../http/encoding.ts";
import { manifestError } from "./manifest_error.ts";
import type { Registry } from "./registry.ts";

/** Milliseconds without data; all requests of one manifest together may take ten times as long. */
const SILENCE_MS = 30_000;

/** Registries that only have Docker manifests: requests to them are exactly those of Ollama. */
const OLLAMA_HOSTS = ["registry.ollama.ai", "ollama.com", "hf.co", "huggingface.co"];

const ALL_TYPES = [...MANIFEST_MEDIA_TYPES, ...INDEX_MEDIA_TYPES];

export interface ManifestOptions {
  readonly registry: Registry;
  readonly confirmer: Confirmer;
  /** The platform that an index is resolved for. */
  readonly machine: Machine;
  readonly silenceMs?: number;
  readonly now: () => number;
}

/** A manifest, and the digest that it was found under, which is that of the index it is from. */
interface Resolved {
  readonly manifest: Manifest;
  readonly digest: Digest;
}

/**
 * The manifest of `name`. An index is resolved to its one manifest for this machine, whose bytes
 * are then the result. If the name is pinned and its tag has moved, the manifest is fetched by its
 * digest; rejects with kind `moved` where the registry does not have it. Every failure is a
 * PullamaError.
 */
export async function fetchManifest(
  name: ModelName,
  signal: AbortSignal,
  options: ManifestOptions,
): Promise<Manifest> {
  const { silenceMs = SILENCE_MS } = options;
  const what = `no complete manifest of ${fullName(name)}`;
  using attempt = new Deadline(signal, 10 * silenceMs, what);
  const { digest: wanted } = name;
  let current: Resolved | undefined;
  let refusal: unknown;
  try {
    current = await resolved(name, name.tag, attempt, options);
    const digests = [current.manifest.digest, current.digest];
    if (wanted === undefined || digests.includes(wanted)) return current.manifest;
  } catch (error) {
    if (wanted === undefined || !isFinal(error)) throw error;
    refusal = error;
  }
  try {
    return (await resolved(name, wanted, attempt, options)).manifest;
  } catch (error) {
    if (!isFinal(error)) throw error;
    throw current ? movedError(name, current.manifest.digest) : refusal;
  }
}

/** Whether the registry has answered that it does not give the manifest. */
function isFinal(error: unknown): boolean {
  return remedyOf(asPullamaError(error).kind) === "recheck";
}

async function resolved(
  name: ModelName,
  reference: string,
  attempt: Deadline,
  options: ManifestOptions,
): Promise<Resolved> {
  const found = await fetchOne(name, reference, typesFor(name.host), attempt, options);
  const { digest } = found;
  if (!("entries" in found)) return { manifest: found, digest };
  const entry = selectChild(found, options.machine);
  const child = await fetchOne(name, entry.digest, ALL_TYPES, attempt, options);
  if ("entries" in child) {
    throw new PullamaError("manifest", "cannot use the manifest: nested indexes are not supported");
  }
  if (entry.size !== undefined && entry.size !== child.bytes.length) {
    const sizes = `it has ${child.bytes.length} bytes, but its index says ${entry.size}`;
    throw new PullamaError("manifest", `cannot use the manifest: ${sizes}`);
  }
  return { manifest: child, digest };
}

/**
 * The media types that are accepted at first. Without index types in Accept, distribution resolves
 * a Docker list itself but hides an OCI index: index types are accepted only after a response that
 * mentions one.
 */
export function typesFor(host: string): readonly string[] {
  const docker = MANIFEST_MEDIA_TYPES.slice(0, 1);
  return OLLAMA_HOSTS.includes(host.toLowerCase()) ? docker : MANIFEST_MEDIA_TYPES;
}

/** The manifest or index under a tag or a digest. */
async function fetchOne(
  name: ModelName,
  reference: string,
  types: readonly string[],
  attempt: Deadline,
  options: ManifestOptions,
): Promise<Manifest | ManifestIndex> {
  const { registry, confirmer, now, silenceMs = SILENCE_MS } = options;
  const began = confirmer.now();
  const home = registry.url(name, `manifests/${reference}`);
  const accept = types.join(", ");
  const final = await registry.get(name, home, { accept }, attempt.signal);
  const { response, url, proxy } = final;
  const { status, headers } = response;
  if (status !== 200) {
    const text = status >= 400 ? await registry.reason(response) : "";
    await discard(response);
    if (types !== ALL_TYPES && isHiddenByAccept(status, text)) {
      return await fetchOne(name, reference, ALL_TYPES, attempt, options);
    }
    const hint = await huggingFaceHint(name, final, text, registry, attempt.signal);
    throw manifestError(
      { status, headers, text, url, proxy, now: now(), ...(hint !== undefined && { hint }) },
      () => confirmer.confirmed(fullName(name), began),
    );
  }
  confirmer.clear(fullName(name));
  if (isCompressed(headers)) {
    await discard(response);
    const hint = COMPRESSED_HINT;
    throw new PullamaError("protocol", `${url.host} sent the manifest compressed`, { hint });
  }
  const bytes = await readWhole(response, url.host, MAX_MANIFEST_BYTES, silenceMs, attempt);
  if (!bytes) {
    const limit = `${MAX_MANIFEST_BYTES / 1024 / 1024} MiB`;
    throw new PullamaError("manifest", `cannot use the manifest: it is larger than ${limit}`);
  }
  const digest = digestOf(createHash("sha256").update(bytes).digest("hex"));
  const expected = isDigest(reference) ? reference : announcedDigest(headers);
  if (expected !== undefined && expected !== digest) {
    const message = `digest mismatch for the manifest from ${url.host}`;
    throw new PullamaError("digest", `${message} (got ${digest}, expected ${expected})`);
  }
  return parseManifest(bytes, digest);
}

/** Whether the manifest has a type that was not accepted, as worded by distribution. */
function isHiddenByAccept(status: number, text: string): boolean {
  return [400, 404, 406].includes(status) && /\bOCI (manifest|index) found\b/i.test(text);
}

/** The digest of the body according to a header, if it can be compared. */
function announcedDigest(headers: Headers): Digest | undefined {
  const docker = headers.get("docker-content-digest");
  if (isDigest(docker)) return docker;
  const ollama = `sha256:${headers.get("ollama-content-digest")}`;
  return isDigest(ollama) ? ollama : undefined;
}
