/** From a request to its answer: the pull half of the OCI distribution API, without connections and files. */

import { type Digest, hexOf, isDigest } from "../core/digest.ts";
import type { Range } from "../core/ranges.ts";
import { hostOf, otherSpelling } from "./host_name.ts";
import { isKnown, rangeCounts, rangeOf } from "./range.ts";
import type { Request } from "./request.ts";
import type { ServedBlob, Shelf } from "./shelf.ts";
import { type Repository, type Wanted, wantedBy } from "./target.ts";

export type Headers = Readonly<Record<string, string>>;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Sent, unless the method is HEAD. A blob is closed by who sends the answer. */
  readonly body: Uint8Array | { readonly blob: ServedBlob; readonly range: Range };
}

export interface AnswerOptions {
  readonly shelf: Shelf;
  /** Whether names may be listed. */
  readonly list: boolean;
  /** Whether `host`, in the form of `hostOf`, is an address of this server. */
  readonly isOurs: (host: string) => boolean;
}

/** Seconds for which a tag may be cached: it may be moved at any time. */
const TAG_SECONDS = 5;
const FOREVER = "max-age=31536000, immutable";
/** Ollama's client gets a redirect instead of a blob, which others must not get from a cache. */
const VARY = { Vary: "User-Agent" };
/** Seconds until a request is worth repeating. */
const RETRY_SECONDS = 5;

/** The answer to a request. Rejects with a PullamaError where the folder cannot be read. */
export async function answerTo(request: Request, options: AnswerOptions): Promise<Answer> {
  const { method, target, headers } = request;
  const host = hostOf(headers.get("host") ?? "");
  if (host === undefined || !options.isOurs(host)) {
    return failure(421, "DENIED", "the Host header is no address of this server; see --host");
  }
  if (method !== "GET" && method !== "HEAD") {
    const refused = failure(405, "UNSUPPORTED", "this server only answers GET and HEAD");
    return { ...refused, headers: { ...refused.headers, Allow: "GET, HEAD" } };
  }
  const [path = "", ...search] = target.split("?");
  const query = new URLSearchParams(search.join("?"));
  const wanted = wantedBy(path, query);
  if (!wanted) return failure(404, "NAME_UNKNOWN", "there is nothing of this name");
  if (wanted.what === "blob") return await blobAnswer(wanted, request, options.shelf);
  if (wanted.what === "manifest") return await manifestAnswer(wanted, request, options.shelf);
  if (wanted.what === "version") return json(200, {}, "no-store");
  if (!options.list) return failure(404, "UNSUPPORTED", "names are not listed here; see --list");
  return await listAnswer(wanted, path, query, options.shelf);
}

/** An error as OCI clients read it. `message` is for people. */
export function failure(status: number, code: string, message: string): Answer {
  return json(status, { errors: [{ code, message }] }, "no-store");
}

/** Not now: too much else is being served. */
export function busy(message: string): Answer {
  return later("TOOMANYREQUESTS", message);
}

function checking(): Answer {
  return busy("the blob is being hashed, as it was not verified or has changed since");
}

/** What is wrong with the folder is not for clients: messages name paths. */
export function unreadable(): Answer {
  return later("UNAVAILABLE", "the models folder cannot be read");
}

function later(code: string, message: string): Answer {
  const answer = failure(503, code, message);
  return { ...answer, headers: { ...answer.headers, "Retry-After": String(RETRY_SECONDS) } };
}

async function manifestAnswer(
  { of, reference }: Extract<Wanted, { what: "manifest" }>,
  request: Request,
  shelf: Shelf,
): Promise<Answer> {
  const found = await shelf.manifest(of, reference);
  if (!found) {
    return failure(404, "MANIFEST_UNKNOWN", "there is no such model, or it is not served");
  }
  const { bytes, digest, mediaType } = found;
  const cache = isDigest(reference) ? FOREVER : `max-age=${TAG_SECONDS}, must-revalidate`;
  return content(
    request,
    digest,
    bytes.length,
    mediaType,
    cache,
    (range) => bytes.subarray(range.start, range.end),
  );
}

async function blobAnswer(
  { of, digest }: Extract<Wanted, { what: "blob" }>,
  request: Request,
  shelf: Shelf,
): Promise<Answer> {
  const { method, target, headers } = request;
  const elsewhere = method === "GET" ? forOllama(headers, target) : undefined;
  const blob = await shelf.blob(of, digest);
  if (blob === "checking") {
    return checking();
  }
  if (!blob) return failure(404, "BLOB_UNKNOWN", "there is no such blob, or it is not served");
  if (elsewhere !== undefined) {
    blob[Symbol.dispose]();
    return {
      status: 307,
      headers: { Location: elsewhere, "Cache-Control": "no-store", ...VARY },
      body: NOTHING,
    };
  }
  const type = "application/octet-stream";
  const answer = content(request, digest, blob.size, type, FOREVER, (range) => ({ blob, range }));
  const sent = method === "GET" && "blob" in answer.body ? answer.body : undefined;
  const isReady = sent === undefined || await blob.ready(sent.range);
  if (!sent || !isReady) blob[Symbol.dispose]();
  if (!isReady) return checking();
  return { ...answer, headers: { ...answer.headers, ...VARY } };
}

/**
 * Where Ollama's client is sent for a blob: it asks its registry for the address of each blob, and stops at the first
 * redirect to a host of another spelling, which it then asks for ranges. Without one it fails.
 */
function forOllama(headers: ReadonlyMap<string, string>, target: string): string | undefined {
  if (!/^ollama\//.test(headers.get("user-agent") ?? "") || headers.has("range")) return undefined;
  const host = otherSpelling(headers.get("host") ?? "");
  return host === undefined ? undefined : `http://${host}${target}`;
}

/** Content that a digest identifies, or the range of it that is asked for. */
function content(
  { method, headers }: Request,
  digest: Digest,
  size: number,
  mediaType: string,
  cache: string,
  bodyOf: (range: Range) => Answer["body"],
): Answer {
  const etag = `"${digest}"`;
  const always = { ETag: etag, "Cache-Control": cache, "Docker-Content-Digest": digest };
  if (isKnown(headers.get("if-none-match"), etag)) {
    return { status: 304, headers: always, body: NOTHING };
  }
  const checksum = `sha-256=:${base64Of(digest)}:`;
  const common = { ...always, "Accept-Ranges": "bytes", "Repr-Digest": checksum };
  const asked = method === "GET" && rangeCounts(headers.get("if-range"), etag)
    ? rangeOf(headers.get("range"), size)
    : "whole";
  if (asked === "unsatisfiable") {
    const refused = failure(416, "RANGE_INVALID", "the range is not in the content, or not one");
    return { ...refused, headers: { ...refused.headers, "Content-Range": `bytes */${size}` } };
  }
  const range = asked === "whole" ? { start: 0, end: size } : asked;
  const described = {
    "Content-Type": mediaType,
    "Content-Length": String(range.end - range.start),
  };
  const body = bodyOf(range);
  if (asked === "whole") {
    const sent = method === "GET" ? { "Content-Digest": checksum } : {};
    return { status: 200, headers: { ...common, ...described, ...sent }, body };
  }
  const part = { "Content-Range": `bytes ${range.start}-${range.end - 1}/${size}` };
  return { status: 206, headers: { ...common, ...described, ...part }, body };
}

async function listAnswer(
  wanted: { readonly what: "catalog" } | { readonly what: "tags"; readonly of: Repository },
  path: string,
  query: URLSearchParams,
  shelf: Shelf,
): Promise<Answer> {
  if (wanted.what === "catalog") {
    const names = (await shelf.repositories()).map(({ name }) => name);
    return page(names, path, query, (repositories) => ({ repositories }));
  }
  const found = await shelf.tags(wanted.of);
  if (!found) return failure(404, "NAME_UNKNOWN", "there is no such model, or it is not served");
  return page(found.tags, path, query, (tags) => ({ name: found.name, tags }));
}

/** The first `n` names after `last`, as the query has them, and a link to the next ones. */
function page(
  names: readonly string[],
  path: string,
  query: URLSearchParams,
  document: (names: readonly string[]) => unknown,
): Answer {
  const last = query.get("last") ?? "";
  const count = /^\d{1,6}$/.test(query.get("n") ?? "") ? Number(query.get("n")) : Infinity;
  const left = names.toSorted().filter((name) => name > last);
  const shown = left.slice(0, count);
  const answer = json(200, document(shown), "no-store");
  if (shown.length === 0 || shown.length === left.length) return answer;
  const next = new URLSearchParams(query);
  next.set("last", shown.at(-1)!);
  return { ...answer, headers: { ...answer.headers, Link: `<${path}?${next}>; rel="next"` } };
}

function json(status: number, document: unknown, cache: string): Answer {
  const body = new TextEncoder().encode(`${JSON.stringify(document)}\n`);
  return {
    status,
    headers: {
      "Content-Type": "application/json",
      "Content-Length": String(body.length),
      "Cache-Control": cache,
    },
    body,
  };
}

const NOTHING = new Uint8Array();

function base64Of(digest: Digest): string {
  return Uint8Array.fromHex(hexOf(digest)).toBase64();
}
