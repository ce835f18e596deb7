/** What responses say about an upload. */

import type { Range } from "../../core/ranges.ts";
import type { Upload } from "../../core/upload/target.ts";
import { PullamaError } from "../../core/errors.ts";

/** The bytes that a registry has, by a header such as `0-1048575`; undefined where it does not say it. */
export function offsetIn(headers: Headers): number | undefined {
  const [, last] = /^(?:bytes[ =])?0-(\d{1,16})$/i.exec(headers.get("range")?.trim() ?? "") ?? [];
  if (last === undefined) return undefined;
  // An upload without bytes has the same header as one with a single byte, which we never send alone.
  return last === "0" ? 0 : Number(last) + 1;
}

/** The fewest bytes that it takes at once. */
export function leastIn(headers: Headers): number {
  const [least = "0"] = /^\d{1,10}$/.exec(headers.get("oci-chunk-min-length")?.trim() ?? "") ?? [];
  return Number(least);
}

/** `url` with the digest of the blob in its query, which may be signed: nothing else of it changes. */
export function withDigest(url: URL, digest: string): URL {
  const before = url.search === "" ? "?" : `${url.search}&`;
  const result = new URL(url);
  result.search = `${before}digest=${encodeURIComponent(digest)}`;
  return result;
}

/** The upload after a range was sent to it. */
export function advanced(
  upload: Upload,
  location: string,
  { start, end }: Range,
  headers: Headers,
): Upload {
  const said = offsetIn(headers) ?? end;
  // Zot tells the length of the chunk. Where that is a misunderstanding, the next request is refused.
  const offset = said === end - start ? end : said;
  if (offset <= end) return { ...upload, location, offset };
  const { host } = new URL(location);
  throw new PullamaError("protocol", `${host} says that it has ${offset} bytes, of ${end} sent`);
}
