/** The reason in the body of an error response, as one line of text. */

import { htmlTitle } from "../../core/html_title.ts";
import { oneLine, quoted } from "../../core/quote.ts";
import { readAtMost } from "./body.ts";
import { isCompressed } from "./encoding.ts";

/** Bytes of a body that are read; characters of it that are shown. */
const MAX_READ = 64 << 10;
const MAX_SHOWN = 1000;
const MAX_TITLE = 80;

/** Milliseconds: an explanation is not worth a longer wait. */
const TIMEOUT_MS = 5000;

/**
 * The reason in the body of an error response; "" if it has none. `hide` replaces our secrets, which
 * a server may repeat: before the text is cut off, so that no part of one is left. Never throws.
 */
export async function errorText(
  response: Response,
  hide: (text: string) => string,
): Promise<string> {
  if (isCompressed(response.headers)) return "";
  const bytes = await readAtMost(response, MAX_READ, TIMEOUT_MS);
  const raw = new TextDecoder().decode(bytes).trim();
  if (
    /^<(!doctype )?html/i.test(raw) || /\bhtml\b/i.test(response.headers.get("content-type") ?? "")
  ) {
    const title = hide(clean(htmlTitle(raw)));
    return title === "" ? "an HTML page" : `an HTML page titled ${quoted(title, MAX_TITLE)}`;
  }
  // Object stores quote the request in their errors, including its signature.
  if (raw.startsWith("<")) return "an XML document";
  const text = hide(clean(reasonIn(raw) ?? raw));
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
}

/** `{"errors":[{"code","message"}]}` of Docker registries, or `{"error":"..."}`. */
function reasonIn(raw: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(raw);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  if ("errors" in value && Array.isArray(value.errors)) {
    return value.errors.map((error) => error?.message ?? error?.code)
      .filter((reason) => typeof reason === "string" && reason !== "").join("; ");
  }
  return "error" in value && typeof value.error === "string" ? value.error : undefined;
}

/** One line, with credentials and queries removed from URLs: they may be secrets. */
function clean(text: string): string {
  const line = oneLine(text).replaceAll(/\p{Z}+/gu, " ");
  return line.replaceAll(
    /\b([a-z]+:\/\/)([^\s"]*)/gi,
    (_, scheme: string, rest: string) =>
      scheme + rest.replace(/^[^/?#@]*@/, "").replace(/\?.*/, ""),
  ).trim();
}
