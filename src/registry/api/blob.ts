/** Opening a blob at an offset: wherever the registry keeps it, and only if what comes is what was asked for. */

import type { BlobBody, BlobSource } from "../../core/content.ts";
import { type Kind, PullamaError } from "../../core/errors.ts";
import type { UrlCache } from "./url_cache.ts";
import { judge, type Rejected } from "./blob_response.ts";
import type { Confirmer } from "./confirm.ts";
import { discard } from "../http/http.ts";
import type { FinalResponse } from "../http/redirects.ts";
import type { Registry } from "./registry.ts";

/** Blobs below this size, in bytes, are asked for without a range when all of them is wanted. */
const SMALL = 1 << 20;

export interface BlobOptions {
  readonly registry: Registry;
  readonly confirmer: Confirmer;
  /** Where blobs were found: only the first request of one is redirected. */
  readonly addresses: UrlCache;
  /** Where blobs are said to be, which may be wrong: then their own address is as good as ever. */
  readonly hints: UrlCache;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Opens blobs, and remembers where they were found: only the first request of a blob is redirected. */
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
        const verdict = judge(status, fields, { blob, range, withRange, atHome }, now());
        if (!verdict.ok) {
          const doubted = verdict.kind === "size" && !confirmer.confirmed(home.href, began);
          throw await rejection(
            registry,
            final,
            verdict,
            doubted ? "protocol" : verdict.kind,
            atHome,
          );
        }
        if (!body) {
          throw new PullamaError("protocol", `${final.url.host} sent a blob without bytes`);
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

/** Only the registry is asked for its reasons: object stores quote the signed request in theirs. */
async function rejection(
  registry: Registry,
  { response, url }: FinalResponse,
  { does, hint, retryAfterMs }: Rejected,
  kind: Kind,
  atHome: boolean,
): Promise<PullamaError> {
  const speaks = atHome && response.status >= 400 && response.status !== 416;
  const text = speaks ? await registry.reason(response) : "";
  // The body of a 416 may be shorter than it says: nobody waits for it.
  await discard(response);
  const message = `${url.host} ${does}${text === "" ? "" : `: ${text}`}`;
  return new PullamaError(kind, message, {
    ...(hint !== undefined && { hint }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  });
}
