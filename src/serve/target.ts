/** What a path of the OCI distribution API asks for. Names and digests are judged here, before any path on disk is made. */

import { type Digest, isDigest } from "../core/digest.ts";
import { DEFAULT_HOST, DEFAULT_TAG, nameOfParts } from "../core/name.ts";

/** The models of one name with all their tags; `host` in the ways it may be written. */
export interface Repository {
  /** As a path has no ":" before a port, "host_port" stands for two hosts. */
  readonly hosts: readonly string[];
  readonly namespace: string;
  readonly model: string;
}

export type Wanted =
  | { readonly what: "version" }
  | { readonly what: "catalog" }
  | { readonly what: "tags"; readonly of: Repository }
  | { readonly what: "manifest"; readonly of: Repository; readonly reference: string }
  | { readonly what: "blob"; readonly of: Repository; readonly digest: Digest };

/**
 * What `path` asks for; undefined: nothing that there could be. Of the parameters in `query`, `ns` is the registry that
 * the model is of, as containerd sends it.
 */
export function wantedBy(path: string, query: URLSearchParams): Wanted | undefined {
  const segments = segmentsOf(path);
  if (segments?.shift() !== "v2" || !segments) return undefined;
  if (segments.length === 0 || (segments.length === 1 && segments[0] === "")) {
    return { what: "version" };
  }
  if (segments.length === 1) return segments[0] === "_catalog" ? { what: "catalog" } : undefined;
  const reference = segments.pop()!;
  const kind = segments.pop()!;
  const of = repositoryOf(segments, query.getAll("ns"));
  if (!of) return undefined;
  if (kind === "tags" && reference === "list") return { what: "tags", of };
  if (kind === "blobs") {
    return isDigest(reference) ? { what: "blob", of, digest: reference } : undefined;
  }
  const valid = isDigest(reference) || isName(of, reference);
  return kind === "manifests" && valid ? { what: "manifest", of, reference } : undefined;
}

/** The parts of a path, decoded once; undefined if it is malformed. */
function segmentsOf(path: string): string[] | undefined {
  try {
    return path.split("/").slice(1).map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

/** `[<host>/]<namespace>/<model>`, and the host that the query names. */
function repositoryOf(parts: readonly string[], ns: readonly string[]): Repository | undefined {
  if (parts.length < 2 || parts.length > 3 || ns.length > 1) return undefined;
  const [namespace, model] = parts.slice(-2) as [string, string];
  const given = parts.length === 3 ? spellings(parts[0]!) : undefined;
  const named = ns[0] === undefined ? undefined : spellings(ns[0]);
  if (given && named && !given.some((host) => named.includes(host))) return undefined;
  const of = { hosts: given ?? named ?? [DEFAULT_HOST], namespace, model };
  return isName(of, DEFAULT_TAG) ? of : undefined;
}

/** A host in lower case, and what it stands for where it ends with the number of a port. */
function spellings(host: string): readonly string[] {
  const own = host.toLowerCase();
  const port = own.replace(/_(\d{1,5})$/, ":$1");
  return port === own ? [own] : [own, port];
}

function isName({ hosts, namespace, model }: Repository, tag: string): boolean {
  return hosts.every((host) => nameOfParts(host, namespace, model, tag) !== undefined);
}
