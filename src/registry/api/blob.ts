/** Opens blobs at an offset, wherever the registry stores them, and rejects any other response. */

import type { BlobBody, BlobSource } from "../../core/content.ts";
import { type Kind, PullamaError } from "../../core/errors.ts";
import type { UrlCache } from "./url_cache.ts";
import { checkResponse, type Rejected } from "./blob_response.ts";
import type { Confirmer } from "./confirm.ts";
import { responderHint, responderOf } from "../diagnose/proxy.ts";
import { discard } from "../http/http.ts";
import type { FinalResponse } from "../http/redirects.ts";
import type { Registry } from "./registry.ts";

/** Bytes: smaller blobs are requested without a Range header if all of them is needed. */
const SMALL = 1 << 20;

export interface BlobOptions {
  readonly registry: Registry;
  readonly confirmer: Confirmer;
  /** Where blobs were found: only the first request for a blob is redirected. */
  readonly addresses: UrlCache;
  /** Where blobs are said to be. If that fails, the registry's own URL is used. */
  readonly hints: UrlCache;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Opens blobs, and caches where they were found. */
export function blobOpener(options: BlobOptions): BlobSource["open"] {
  const { registry, confirmer, addresses, hints, now } = options;
  return async (name, blob, range, signal) => {
    const home = registry.url(name, `blobs/${blob.digest}`);
    const withRange = blob.size >= SMALL || range.start > 0 || range.end < blob.size;
    const headers = withRange ? { range: `bytes=${range.start}-${range.end - 1}` } : {};
    const openAt = async (from: URL): Promise<BlobBody> => {
      const began = confirmer.now();
      try {
        const final = await registry.get(name, from, headers, signal);
        const { status, headers: fields, body } = final.response;
        const atHome = final.url.href === home.href;
        const verdict = checkResponse(status, fields, { blob, range, withRange, atHome }, now());
        if (!verdict.ok) {
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
          throw new PullamaError("protocol", `${final.url.host} sent a response without a body`);
        }
        confirmer.clear(home.href);
        if (!atHome) addresses.set(home.href, final.url);
        return { range: verdict.range, ranged: verdict.ranged, stream: body };
      } catch (error) {
        addresses.drop(home.href, from);
        throw error;
      }
    };
    const known = addresses.get(home.href);
    const hint = known ? undefined : hints.get(home.href);
    if (hint) {
      try {
        return await openAt(hint);
      } catch (error) {
        if (signal.aborted) throw error;
      } finally {
        hints.drop(home.href, hint);
      }
    }
    return await openAt(known ?? home);
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
