/** Serves manifests like Docker's distribution: the response depends on the Accept header. */

import { type Answer, errorAnswer } from "./answers.ts";
import { held } from "./content.ts";
import type { LoggedRequest } from "./wire.ts";

export interface StoredManifest {
  readonly bytes: Uint8Array;
  readonly digest: string;
  readonly mediaType: string;
}

export const DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
export const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
export const OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const OCI_INDEX = "application/vnd.oci.image.index.v1+json";

/** The `mediaType` in the manifest; that of a Docker manifest if it has none. */
export function mediaTypeOf(bytes: Uint8Array): string {
  try {
    const { mediaType } = JSON.parse(new TextDecoder().decode(bytes));
    return typeof mediaType === "string" ? mediaType : DOCKER_MANIFEST;
  } catch {
    return DOCKER_MANIFEST;
  }
}

/**
 * The response for a manifest. `sibling` finds other manifests of the repository by digest: if the
 * client does not accept a Docker list, it gets the linux/amd64 entry instead.
 */
export function manifestAnswer(
  stored: StoredManifest | undefined,
  request: LoggedRequest,
  sibling: (digest: string) => StoredManifest | undefined,
): Answer {
  if (!stored) return errorAnswer(404, "MANIFEST_UNKNOWN", "manifest unknown");
  const accepted = (request.headers.get("accept") ?? "").split(/\s*,\s*/);
  if (accepted.includes(stored.mediaType)) return served(stored);
  switch (stored.mediaType) {
    case OCI_MANIFEST:
      return hidden("OCI manifest found, but accept header does not support OCI manifests");
    case OCI_INDEX:
      return hidden("OCI index found, but accept header does not support OCI indexes");
    case DOCKER_LIST: {
      const child = sibling(linuxEntry(stored));
      return child ? served(child) : hidden("manifest unknown");
    }
    case DOCKER_MANIFEST:
      return errorAnswer(400, "MANIFEST_INVALID", "manifest invalid");
    default:
      return served(stored);
  }
}

function served(manifest: StoredManifest): Answer {
  const headers = { "content-type": manifest.mediaType, "docker-content-digest": manifest.digest };
  return { status: 200, headers, content: held(manifest.bytes), ranges: false };
}

function hidden(message: string): Answer {
  return errorAnswer(404, "MANIFEST_UNKNOWN", message);
}

function linuxEntry(list: StoredManifest): string {
  const { manifests } = JSON.parse(new TextDecoder().decode(list.bytes));
  for (const { platform, digest } of manifests) {
    if (platform?.os === "linux" && platform?.architecture === "amd64") return digest;
  }
  return "";
}
