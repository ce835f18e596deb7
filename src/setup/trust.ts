/** Whom the user trusts: certificates besides the built-in ones, and token servers on other hosts than their registry. */

import { PullamaError } from "../core/errors.ts";

/** Files and folders of certificates. */
export interface TrustedCertificates {
  /** A file in PEM form. */
  readonly caCert?: string;
  /** Folders, a list with ":" (";" on Windows) between its parts. */
  readonly caDir?: string;
}

/** The file of --ca-cert, otherwise what `env` has in SSL_CERT_FILE and SSL_CERT_DIR. */
export function trustedCertificates(
  caCert: string | undefined,
  env: (name: string) => string | undefined,
): TrustedCertificates {
  if (caCert !== undefined) return { caCert };
  const [file, folders] = [env("SSL_CERT_FILE"), env("SSL_CERT_DIR")];
  return { ...(file && { caCert: file }), ...(folders && { caDir: folders }) };
}

/** Those of --token-host, otherwise those in PULLAMA_TOKEN_HOSTS. Throws `usage` for an invalid one. */
export function tokenHosts(
  given: readonly string[] | undefined,
  env: (name: string) => string | undefined,
): readonly string[] {
  if (given !== undefined) return given.map((text) => tokenHost(text, "token host"));
  const texts = (env("PULLAMA_TOKEN_HOSTS") ?? "").split(/[\s,]+/).filter((text) => text !== "");
  return texts.map((text) => tokenHost(text, "host in PULLAMA_TOKEN_HOSTS"));
}

/** `text`, a host with an optional port, in lower case; it is not quoted: it may hold a password. */
function tokenHost(text: string, what: string): string {
  const host = text.toLowerCase();
  if (isHost(host)) return host;
  throw new PullamaError("usage", `invalid ${what}: expected a host, not a URL`, {
    hint: "write it like gitlab.example.com, or gitlab.example.com:8443",
  });
}

/** Whether `text` is a host, with a port or without. */
export function isHost(text: string): boolean {
  return /^([\p{L}\p{N}_][\p{L}\p{N}_.-]*|\[[\da-f:.]+\])(:\d{1,5})?$/iu.test(text) &&
    URL.canParse(`https://${text}`);
}
