/**
 * Requests a registry's own chunk list of a blob, with which damage is found and downloaded again
 * chunk by chunk. It is optional: if anything fails, the blob is downloaded without it.
 */

import type { BlobSource } from "../../core/content.ts";
import { shortId } from "../../core/digest.ts";
import { asPullamaError, type Kind, PullamaError } from "../../core/errors.ts";
import type { Descriptor } from "../../core/manifest.ts";
import type { ModelName } from "../../core/name.ts";
import type { Chunk } from "../../core/ranges.ts";
import type { UrlCache } from "./url_cache.ts";
import { Deadline } from "../../io/abort.ts";
import { readChunkList } from "./chunksums_format.ts";
import { networkError } from "../diagnose/network_error.ts";
import { isCompressed } from "../http/encoding.ts";
import { discard } from "../http/http.ts";
import type { Lookup } from "../net/dns.ts";
import { type FinalResponse, privateAddressReason } from "../http/redirects.ts";
import type { Registry } from "./registry.ts";
import { isBusy } from "../http/retry_after.ts";

/** Bytes of a chunk list. */
const MAX_BYTES = 32 * 1024 * 1024;
/** Milliseconds for each step; all of them together may take twelve times as long. */
const STEP_MS = 5000;

/** After these, the host is asked again for the next blob; after all others it is not. */
const TRANSIENT: ReadonlySet<Kind> = new Set<Kind>(["network", "unavailable"]);

export interface ChunksumsOptions {
  readonly registry: Registry;
  /** Filled with the URLs that registries give for the ranges of blobs. */
  readonly hints: UrlCache;
  /** The user allows plain http. */
  readonly insecure: boolean;
  readonly lookup: Lookup;
  /** Bytes: chunk lists are requested for larger blobs only; others are one piece. */
  readonly chunkSize: number;
  /** Hosts that are not asked; those without usable lists are added. */
  readonly withoutChunks?: Set<string>;
  /** Milliseconds without data; default 5 s. */
  readonly timeoutMs?: number;
  /** Called with the reason when information from the registry is not used. */
  readonly onNote?: (message: string) => void;
}

/**
 * Requests the chunks of a blob with their digests, which tile it exactly; undefined if there are
 * none. Tries once, and does not ask a host again after a refusal, an invalid list or a timeout.
 * Rejects only with what `Registry.url` throws, and when `signal` is aborted with what
 * `networkError` makes of its reason.
 */
export function chunksumsOf(options: ChunksumsOptions): BlobSource["chunksums"] {
  const { registry, chunkSize, onNote, withoutChunks: excluded = new Set() } = options;
  return async (name, blob, signal) => {
    if (blob.size <= chunkSize) return undefined;
    const home = registry.url(name, `chunksums/${blob.digest}`);
    if (excluded.has(home.host)) return undefined;
    try {
      return await request(home, name, blob, signal, options);
    } catch (error) {
      if (signal.aborted) throw networkError(signal.reason, home.host, "head");
      const { kind, message } = asPullamaError(error);
      if (!TRANSIENT.has(kind)) excluded.add(home.host);
      onNote?.(`no chunk list for blob ${shortId(blob.digest)}: ${message}`);
      return undefined;
    }
  };
}

/** Throws on any failure. */
async function request(
  home: URL,
  name: ModelName,
  blob: Descriptor,
  signal: AbortSignal,
  options: ChunksumsOptions,
): Promise<readonly Chunk[]> {
  const { registry, timeoutMs = STEP_MS } = options;
  const what = `no complete chunk list from ${home.host}`;
  using attempt = new Deadline(signal, 12 * timeoutMs, what);
  const final = await within(
    timeoutMs,
    attempt,
    home.host,
    registry.get(name, home, {}, attempt.signal),
  );
  const { response, url } = final;
  const problem = problemIn(response);
  if (problem) {
    await discard(response);
    throw new PullamaError(problem.kind, `${url.host} ${problem.does}`);
  }
  const list = await readChunkList(piecesOf(final, timeoutMs, attempt), blob);
  if ("problem" in list) {
    throw new PullamaError("protocol", `invalid list from ${url.host}: ${list.problem}`);
  }
  const place = await placeIn(final, home, attempt.signal, options);
  if (place) options.hints.set(registry.url(name, `blobs/${blob.digest}`).href, place);
  return list.chunks;
}

/** Why the response is not a chunk list, as far as its head tells. */
function problemIn({ status, headers }: Response): { kind: Kind; does: string } | undefined {
  if (status !== 200) {
    const kind = isBusy(status) ? "unavailable" : "refused";
    return { kind, does: `returned status ${status}` };
  }
  if (/\bhtml\b/i.test(headers.get("content-type") ?? "")) {
    return { kind: "protocol", does: "sent an HTML page" };
  }
  if (isCompressed(headers)) return { kind: "protocol", does: "sent a compressed response" };
  return undefined;
}

/** The body, with a timeout for each read. Leaving the loop early cancels it. */
async function* piecesOf(
  { response, url }: FinalResponse,
  timeoutMs: number,
  attempt: Deadline,
): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  let length = 0;
  try {
    while (reader) {
      const { value, done } = await within(timeoutMs, attempt, url.host, reader.read());
      if (done) return;
      length += value.length;
      if (length > MAX_BYTES) {
        throw new PullamaError("protocol", `${url.host} sent more than 32 MiB`);
      }
      yield value;
    }
  } catch (error) {
    throw networkError(error, url.host, "body");
  } finally {
    await reader?.cancel().catch(() => {});
  }
}

/** The result of `step`, a part of `attempt`, which is aborted when the step takes too long. */
async function within<T>(
  limitMs: number,
  attempt: Deadline,
  host: string,
  step: Promise<T>,
): Promise<T> {
  const message = `no data received from ${host} for ${limitMs / 1000}s`;
  const timer = setTimeout(() => attempt.abort(new PullamaError("timeout", message)), limitMs);
  try {
    return await step;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Where the ranges are according to the response, if it has a Content-Location that is allowed. The
 * rules are those for redirects, but a violation is only noted: the registry's own URL of the blob
 * still works.
 */
async function placeIn(
  { response, url }: FinalResponse,
  home: URL,
  signal: AbortSignal,
  { insecure, lookup, onNote }: ChunksumsOptions,
): Promise<URL | undefined> {
  const location = response.headers.get("content-location");
  if (!location) return undefined;
  const ignored = (reason: string): undefined => {
    onNote?.(`ignored the Content-Location of the chunk list from ${url.host}: ${reason}`);
  };
  const place = URL.parse(location, url);
  if (!place) return ignored("invalid URL");
  // Usually the header names the response itself.
  if (place.href === url.href || place.href === home.href) return undefined;
  const { protocol } = place;
  const plain = home.protocol === "http:" || insecure;
  if (protocol !== "https:" && !(protocol === "http:" && plain)) {
    return ignored(`scheme ${protocol} is not allowed`);
  }
  if (place.username !== "" || place.password !== "") {
    return ignored("the URL contains credentials");
  }
  place.hash = "";
  if (place.origin === home.origin) return place;
  const internal = await privateAddressReason(place, home, lookup, signal);
  return internal === undefined ? place : ignored(`${place.hostname} has ${internal}`);
}
