/** The mirrors that the user names. */

import { PullamaError } from "../../core/errors.ts";
import { quotedUrl } from "../../core/quote.ts";

export interface MirrorOptions {
  /** URLs without credentials, query and trailing slash; tried in this order. */
  readonly mirrors?: readonly string[];
  /** Ask only these, also for manifests. */
  readonly offline?: true;
}

const CREDENTIALS = "it contains credentials; they are read from Docker's config file";
const ALLOWED = "write it like http://10.0.0.5:11435 or https://registry.example.com/prefix";

/**
 * The mirrors of --mirror, otherwise those in PULLAMA_MIRRORS. Throws `usage` for an invalid one, and where there is
 * none although nothing else may be asked.
 */
export function mirrorOptions(
  given: readonly string[] | undefined,
  offline: boolean,
  env: (name: string) => string | undefined,
): MirrorOptions {
  const listed = env("PULLAMA_MIRRORS") ?? "";
  // A password may have a comma, and would be shown as a URL of its own.
  if (!given && listed.includes("@")) {
    throw new PullamaError("usage", `invalid PULLAMA_MIRRORS: ${CREDENTIALS}`, { hint: ALLOWED });
  }
  const texts = given ?? listed.split(/[\s,]+/).filter((text) => text !== "");
  const where = given ? "--mirror" : "PULLAMA_MIRRORS";
  const mirrors = [...new Set(texts.map((text) => mirrorUrl(text, where)))];
  if (offline && mirrors.length === 0) {
    throw new PullamaError("usage", "--offline needs a mirror to ask", {
      hint: "add --mirror URL, or set PULLAMA_MIRRORS",
    });
  }
  return { ...(mirrors.length > 0 && { mirrors }), ...(offline && { offline }) };
}

/** `text` in its usual form. A password in it is not shown. */
export function mirrorUrl(text: string, where: string): string {
  const refuse = (reason: string) => {
    const message = `invalid ${where} ${quotedUrl(text)}: ${reason}`;
    return new PullamaError("usage", message, { hint: ALLOWED });
  };
  const [, scheme] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text) ?? [];
  if (scheme === undefined) throw refuse("expected a URL that begins with http:// or https://");
  if (!/^https?$/i.test(scheme)) throw refuse("expected http:// or https://");
  const url = URL.parse(text);
  if (!url) throw refuse("it is not a valid URL");
  if (url.username || url.password || text.includes("@")) {
    throw refuse(CREDENTIALS);
  }
  if (/[?#]/.test(text)) throw refuse("it has a query or a fragment");
  const path = url.pathname.replace(/\/+$/, "");
  if (!/^(\/[\w.-]+)*$/.test(path)) throw refuse("its path is not that of a repository");
  if (/^\/v2(\/|$)/.test(path)) throw refuse("leave out /v2, which is added");
  return url.origin + path;
}
