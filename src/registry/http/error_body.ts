/** The reason in the body of an error response, as one line of text. */

import { readAtMost } from "./body.ts";

/** Bytes of a body that are read; characters of it that are shown. */
const MAX_READ = 64 << 10;
const MAX_SHOWN = 1000;

/** Milliseconds: an explanation is not worth a longer wait. */
const TIMEOUT_MS = 5000;

/** The reason in the body of an error response; "" if it has none. Never throws. */
export async function errorText(response: Response): Promise<string> {
  const bytes = await readAtMost(response, MAX_READ, TIMEOUT_MS);
  const raw = new TextDecoder().decode(bytes).trim();
  if (
    /^<(!doctype )?html/i.test(raw) || /\bhtml\b/i.test(response.headers.get("content-type") ?? "")
  ) {
    return "an HTML page";
  }
  // Object stores quote the request in their errors, including its signature.
  if (raw.startsWith("<")) return "an XML document";
  return clean(reasonIn(raw) ?? raw);
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
    return value.errors.map((error) => String(error?.message ?? error?.code ?? ""))
      .filter((reason) => reason !== "").join("; ");
  }
  return "error" in value && typeof value.error === "string" ? value.error : undefined;
}

/** One line, with credentials and queries removed from URLs: they may be secrets. */
function clean(text: string): string {
  const line = text.replaceAll(/[\p{C}\p{Z}]+/gu, " ")
    .replaceAll(/(\b[a-z]+:\/\/)[^\s\/?#"@]*@/gi, "$1")
    .replaceAll(/(\b[a-z]+:\/\/[^\s?"]+)\?[^\s"]*/gi, "$1").trim();
  return line.length > MAX_SHOWN ? `${line.slice(0, MAX_SHOWN)}...` : line;
}
