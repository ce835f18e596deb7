/** Opens blobs at an offset, wherever the registry stores them, and rejects any other response. */

import type { BlobBody, BlobSource } from "../../core/content.ts";
import { type Kind, PullamaError } from "../../core/errors.ts";
import type { UrlCache } from "./url_cache.ts";
import { checkResponse, type Rejected } from "./blob_response.ts";
import type { Confirmer } from "./confirm.ts";
import { responderHint, responderOf } from "../diagnose/proxy.ts";
import { discard } from "../http/http.ts";
import type { FinalResponse } from "../http/redirects.ts";
import type { RangeSupport } from "./range_support.ts";
import type { Registry } from "./registry.ts";

/** Bytes: smaller blobs are requested without a Range header if all of them is needed. */
const SMALL = 1 << 20;

const WHOLE_HINT =
  "each blob is downloaded whole by one connection, and from its beginning after an interruption";

export interface BlobOptions {
  readonly registry: Registry;
  readonly confirmer: Confirmer;
  readonly ranges: RangeSupport;
  /** Where blobs were found: only the first request for a blob is redirected. */
  readonly addresses: UrlCache;
  /** Where blobs are said to be. If that fails, the registry's own URL is used. */
  readonly hints: UrlCache;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Called with what a host cannot do, and what follows from it. */
  readonly onWarning: (message: string, hint: string) => void;
}

/** Opens blobs, and caches where they were found. */
export function blobOpener(options: BlobOptions): BlobSource["open"] {
  const { registry, confirmer, ranges, addresses, hints, now, onWarning } = options;
  return async (name, blob, range, signal) => {
    const home = registry.url(name, `blobs/${blob.digest}`);
    const partial = range.start > 0 || range.end < blob.size;
    const openAt = async (
      from: URL,
      cached: boolean,
      whole = ranges.get(from.host) === false,
    ): Promise<BlobBody> => {
      const began = confirmer.now();
      const withRange = !whole && (blob.size >= SMALL || partial);
      const headers = withRange ? { range: `bytes=${range.start}-${range.end - 1}` } : {};
      try {
        const final = await registry.get(name, from, headers, signal);
        const { status, headers: fields, body } = final.response;
        const { host } = final.url;
        const atHome = final.url.href === home.href;
        const verdict = checkResponse(status, fields, { blob, range, withRange, atHome }, now());
        if (!verdict.ok) {
          // An old signed URL may have been refused: a new one is requested first.
          if (verdict.refusesRange && withRange && !cached) {
            await discard(final.response);
            const body = await openAt(from, false, true);
            ranges.set(host, false);
            onWarning(`${host} refuses requests for parts of blobs (${status})`, WHOLE_HINT);
            return body;
          }
          const unconfirmed = verdict.kind === "size" && !confirmer.confirmed(home.href, began);
          throw await rejection(
            registry,
            final,
            verdict,
            unconfirmed ? "protocol" : verdict.kind,
            atHome,
          );
        }
        if (!body) {
          throw new PullamaError("protocol", `${host} sent a response without a body`);
        }
        confirmer.clear(home.href);
        if (!atHome) addresses.set(home.href, final.url);
        const ranged = verdict.ranged && !(whole && partial);
        if (withRange) {
          ranges.set(host, ranged ? true : undefined);
          if (!ranged) onWarning(`${host} does not send parts of blobs`, WHOLE_HINT);
        }
        return { range: verdict.range, ranged, stream: body };
      } catch (error) {
        addresses.drop(home.href, from);
        throw error;
      }
    };
    const known = addresses.get(home.href);
    const hint = known ? undefined : hints.get(home.href);
    if (hint) {
      try {
        return await openAt(hint, false);
      } catch (error) {
        if (signal.aborted) throw error;
      } finally {
        hints.drop(home.href, hint);
      }
    }
    return await openAt(known ?? home, known !== undefined);
  };
}

/** Only the registry's own errors are quoted: those of object stores contain the signed request. */
async function rejection(
  registry: Registry,
  { response, url, proxy }: FinalResponse,
  { does, isPage, hint, retryAfterMs }: Rejected,
  kind: Kind,
  atHome: boolean,
): Promise<PullamaError> {
  const failed = response.status >= 400;
  const explains = atHome && (isPage || (failed && response.status !== 416));
  const text = explains ? await registry.reason(response) : "";
  // The body of a 416 may be shorter than its Content-Length: do not wait for it.
  await discard(response);
  const told = text === ""
    ? does
    : isPage
    ? does.replace("an HTML page", () => text)
    : `${does}: ${text}`;
  const advice = hint ?? (failed ? responderHint(url.hostname, proxy) : undefined);
  return new PullamaError(kind, `${responderOf(url.host, proxy)} ${told}`, {
    ...(advice !== undefined && { hint: advice }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}
