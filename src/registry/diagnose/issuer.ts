/** Who has issued a certificate, in words. */

import type { PeerCertificate } from "node:tls";

/** "Example Root CA (Example Corp)"; undefined where the certificate does not say. */
export function issuerName(issuer: PeerCertificate["issuer"] | undefined): string | undefined {
  const { CN, O } = Object(issuer) as Readonly<Record<string, unknown>>;
  const [name, organization] = [CN, O].map((part) => printable([part].flat().join(", ")));
  if (!name) return organization || undefined;
  return organization && organization !== name ? `${name} (${organization})` : name;
}

/** Text of a stranger in a form that can be printed. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{C}\p{Z}]+/gu, " ").trim().slice(0, 80);
}
