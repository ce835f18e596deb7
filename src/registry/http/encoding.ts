/** Compressed responses, which no request asks for. */

/**
 * Whether the body that follows is compressed. Before Deno 2.8.3, fetch decompresses gzip and br
 * and removes the header although `identity` was asked for: such bytes are judged by their length
 * and digest, as all others are.
 */
export function isCompressed(headers: Headers): boolean {
  const codings = (headers.get("content-encoding") ?? "").toLowerCase().split(",");
  return codings.some((coding) => !["", "identity"].includes(coding.trim()));
}

/** What to do about it. */
export const COMPRESSED_HINT =
  "a proxy in between may compress responses: check it, or contact the registry's operator";
