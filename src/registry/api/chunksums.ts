/**
 * Asking a registry for its own chunks of a blob. It helps where it is right: damage is then found and
 * fetched again chunk by chunk. It is never needed: whatever goes wrong, the blob is fetched without.
 */

import type { BlobSource } from "../../core/content.ts";
import { shortId } from "../../core/digest.ts";
import { asPullamaError, type Kind, PullamaError } from "../../core/errors.ts";
import type { Descriptor } from "../../core/manifest.ts";
import type { ModelName } from "../../core/name.ts";
import type { Chunk } from "../../core/ranges.ts";
import type { UrlCache } from "./url_cache.ts";
import { Deadline } from "../../io/deadline.ts";
import { readChunkList } from "./chunksums_format.ts";
import { networkError } from "../diagnose/network_error.ts";
import { discard } from "../http/http.ts";
import type { Lookup } from "../net/dns.ts";
import { type FinalResponse, privateAddressReason } from "../http/redirects.ts";
import type { Registry } from "./registry.ts";
import { isBusy } from "../http/retry_after.ts";

/** Bytes of a list. */
const MOST_BYTES = 32 * 1024 * 1024;
/** Milliseconds for each step, and for all of them together. */
const PATIENCE_MS = 5000;
const TOTAL_MS = 60_000;

/** The next blob may have more luck after these. After all others the host is not asked again. */
const PASSING: ReadonlySet<Kind> = new Set<Kind>(["network", "unavailable"]);

export interface ChunksumsOptions {
  readonly registry: Registry;
  /** Learns where a registry says that the ranges of a blob are. */
  readonly hints: UrlCache;
  /** The user has asked for plain http. */
  readonly insecure: boolean;
  readonly lookup: Lookup;
  /** Larger blobs, in bytes, are asked about: the others are fetched in one piece. */
  readonly chunkSize: number;
  /** Milliseconds without an answer or a byte of it; default 5 s. */
  readonly timeoutMs?: number;
  /** Told why something that the registry says is not used. */
  readonly onNote?: (message: string) => void;
}

/**
 * Asks for the chunks of a blob with their digests, which tile it exactly; undefined if there is nothing to be had.
 * Tries once, and asks no host again that has said no, or something that makes no sense, or nothing for too long.
 * Rejects only with what `Registry.url` throws, and when `signal` is aborted with what `networkError` makes of its
 * reason.
 */
export function chunksumsOf(options: ChunksumsOptions): BlobSource["chunksums"] {
  const { registry, chunkSize, onNote } = options;
  const silenced = new Set<string>();
  return async (name, blob, signal) => {
    if (blob.size <= chunkSize) return undefined;
    const home = registry.url(name, `chunksums/${blob.digest}`);
    if (silenced.has(home.host)) return undefined;
    try {
      return await ask(home, name, blob, signal, options);
    } catch (error) {
      if (signal.aborted) throw networkError(signal.reason, home.host, "head");
      const { kind, message } = asPullamaError(error);
      if (!PASSING.has(kind)) silenced.add(home.host);
      onNote?.(`blob ${shortId(blob.digest)} has no chunks from the registry: ${message}`);
      return undefined;
    }
  };
}

/** Throws whatever stands in the way. */
async function ask(
  home: URL,
  name: ModelName,
  blob: Descriptor,
  signal: AbortSignal,
  options: ChunksumsOptions,
): Promise<readonly Chunk[]> {
  const { registry, timeoutMs: patienceMs = PATIENCE_MS } = options;
  using attempt = new Deadline(signal, TOTAL_MS, `${home.host} has not sent its list of chunks`);
  const final = await within(
    patienceMs,
    attempt,
    home.host,
    registry.get(name, home, {}, attempt.signal),
  );
  const { response, url } = final;
  const problem = troubleIn(response);
  if (problem) {
    await discard(response);
    throw new PullamaError(problem.kind, `${url.host} ${problem.does}`);
  }
  const list = await readChunkList(piecesOf(final, patienceMs, attempt), blob);
  if ("fault" in list) {
    throw new PullamaError("protocol", `cannot use the list of ${url.host}: ${list.fault}`);
  }
  const place = await placeIn(final, home, attempt.signal, options);
  if (place) options.hints.set(registry.url(name, `blobs/${blob.digest}`).href, place);
  return list.chunks;
}

/** Why what follows is no list of chunks, as far as the head of the answer tells. */
function troubleIn({ status, headers }: Response): { kind: Kind; does: string } | undefined {
  if (status !== 200) {
    const kind = isBusy(status) ? "unavailable" : "refused";
    return { kind, does: `answered ${status} when asked for a list of chunks` };
  }
  if (/\bhtml\b/i.test(headers.get("content-type") ?? "")) {
    return { kind: "protocol", does: "sent a web page in place of a list of chunks" };
  }
  if ((headers.get("content-encoding") ?? "identity") !== "identity") {
    return { kind: "protocol", does: "sent a list of chunks compressed" };
  }
  return undefined;
}

/** What arrives, as long as it keeps arriving. Who leaves early ends the body. */
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
      if (length > MOST_BYTES) {
        throw new PullamaError("protocol", `${url.host} sent more than 32 MiB of chunks`);
      }
      yield value;
    }
  } catch (error) {
    throw networkError(error, url.host, "body");
  } finally {
    await reader?.cancel().catch(() => {});
  }
}

/** The result of `step`, which is part of `attempt` and ends with it when it takes too long. */
async function within<T>(
  limitMs: number,
  attempt: Deadline,
  host: string,
  step: Promise<T>,
): Promise<T> {
  const message = `${host} was silent for ${limitMs / 1000} s when asked for a list of chunks`;
  const timer = setTimeout(() => attempt.abort(new PullamaError("timeout", message)), limitMs);
  try {
    return await step;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Where the ranges are to be had according to the answer, if it says so and we may go there: the rules are
 * those for redirects, but a breach costs nothing, since the registry's own address of the blob is good.
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
    onNote?.(`the address that ${url.host} has for chunks ${reason}`);
  };
  const place = URL.parse(location, url);
  if (!place) return ignored("cannot be read");
  // In general the header is about the answer itself.
  if (place.href === url.href || place.href === home.href) return undefined;
  const { protocol } = place;
  const plain = home.protocol === "http:" || insecure;
  if (protocol !== "https:" && !(protocol === "http:" && plain)) {
    return ignored(`is not used: it begins with ${protocol}`);
  }
  if (place.username !== "" || place.password !== "") {
    return ignored("is not used: it carries a user name");
  }
  place.hash = "";
  if (place.origin === home.origin) return place;
  const inside = await privateAddressReason(place, home, lookup, signal);
  return inside === undefined ? place : ignored(`is not used: it is of a host ${inside}`);
}
