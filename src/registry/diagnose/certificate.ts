/** Explains certificate errors. The TLS library's messages are the same in all versions of Deno. */

import type { PeerCertificate } from "node:tls";
import type { ErrorInfo } from "../../core/errors.ts";
import { oneLine } from "../../core/quote.ts";

const INTERCEPTED =
  "another machine may be intercepting the connection: check the proxy and the network login";

/**
 * The error in `text`, if it is about a certificate. `whose` is its subject, such as "its
 * certificate"; `issuer` is who signed it, if known.
 */
export function certificateError(
  text: string,
  whose: string,
  issuer: string | undefined,
): ErrorInfo | undefined {
  const [, detail] = /invalid peer certificate: (.*)/.exec(text) ?? [];
  if (detail === undefined) return undefined;
  const by = issuer === undefined ? "" : ` (issued by ${issuer})`;
  const problem = (reason: string, hint: string) => ({
    kind: "tls" as const,
    reason: `${whose} ${reason}`,
    hint,
  });
  if (detail.startsWith("UnknownIssuer")) {
    const reason = issuer === undefined
      ? "is signed by an unknown authority"
      : `is signed by an unknown authority, ${issuer}`;
    const hint = `${INTERCEPTED}; if the authority is your own, trust it with --ca-cert FILE`;
    return problem(reason, hint);
  }
  if (/^(?:Other\(OtherError\()?CaUsedAsEndEntity/.test(detail)) {
    return problem(
      `is a CA certificate, which is not valid for a server${by}`,
      "give the server a certificate with CA:FALSE, which --ca-cert can trust as well: how to make " +
        "one is in docs/troubleshooting.md",
    );
  }
  if (/^certificate expired|^Expired/.test(detail)) {
    const hint = "check the clock of this machine; if it is right, contact the server's operator";
    return problem(`expired${dateIn(detail, " on ")}${by}`, hint);
  }
  if (/^certificate not valid yet|^NotValidYet/.test(detail)) {
    const hint = "check the clock of this machine";
    return problem(`is not valid${dateIn(detail, " before ") || " yet"}${by}`, hint);
  }
  if (/^certificate not valid for name|^NotValidForName/.test(detail)) {
    const names = [...detail.matchAll(/DnsName\("([^"]*)"\)|IpAddress\(([^)]*)\)/g)]
      .map(([, name, address]) => name ?? address).slice(0, 3);
    const others = names.length === 0 ? "another host" : `${names.join(", ")}, not for this host`;
    return problem(`is for ${others}${by}`, `check the spelling of the host; ${INTERCEPTED}`);
  }
  const reason = `is not valid: ${detail.split(";")[0]!.trim()}${by}`;
  return problem(reason, `${INTERCEPTED}; --ca-cert FILE trusts an authority of your own`);
}

/** The date after or before which the certificate is not valid. */
function dateIn(detail: string, before: string): string {
  const [, seconds] = /not valid (?:after|before) (\d{1,12})/.exec(detail) ?? [];
  const date = new Date(Number(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? "" : before + date.toISOString().slice(0, 10);
}

/** "Example Root CA (Example Corp)"; undefined if the certificate names no issuer. */
export function issuerName(issuer: PeerCertificate["issuer"] | undefined): string | undefined {
  const { CN, O } = Object(issuer) as Readonly<Record<string, unknown>>;
  const [name, organization] = [CN, O].map((part) => printable([part].flat().join(", ")));
  if (!name) return organization || undefined;
  return organization && organization !== name ? `${name} (${organization})` : name;
}

/** Untrusted text, made printable. */
export function printable(text: string): string {
  return oneLine(text).replaceAll(/\p{Z}+/gu, " ").slice(0, 80);
}
