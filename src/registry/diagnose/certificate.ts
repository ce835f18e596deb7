/** What is wrong with a certificate, in words. What the TLS library says of it is the same in all versions. */

import type { PeerCertificate } from "node:tls";
import type { ErrorInfo } from "../../core/errors.ts";

const ELSEWHERE = "another machine may be answering in its place: look at proxy and network login";

/**
 * The trouble in `text`, if it is about a certificate. `whose` is its subject: "its certificate"; `issuer` who
 * has signed it, where that is known.
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
      ? "is from an authority that is not trusted"
      : `is from an authority that is not trusted, ${issuer}`;
    const hint = `${ELSEWHERE}; if the authority is one of your own, trust it with --ca-cert FILE`;
    return problem(reason, hint);
  }
  if (/^(?:Other\(OtherError\()?CaUsedAsEndEntity/.test(detail)) {
    return problem(
      `is that of an authority, which no server may use as its own${by}`,
      "those who run the server should give it a certificate with CA:FALSE; --ca-cert trusts that too",
    );
  }
  if (/^certificate expired|^Expired/.test(detail)) {
    const hint = "look at the clock of this machine; if it is right, tell those who run the server";
    return problem(`expired${dateIn(detail, " on ")}${by}`, hint);
  }
  if (/^certificate not valid yet|^NotValidYet/.test(detail)) {
    const hint = "look at the clock of this machine";
    return problem(`is not valid${dateIn(detail, " before ") || " yet"}${by}`, hint);
  }
  if (/^certificate not valid for name|^NotValidForName/.test(detail)) {
    const names = [...detail.matchAll(/DnsName\("([^"]*)"\)|IpAddress\(([^)]*)\)/g)]
      .map(([, name, address]) => name ?? address).slice(0, 3);
    const others = names.length === 0 ? "another host" : `${names.join(", ")}, not for this host`;
    return problem(`is for ${others}${by}`, `check the spelling of the host; ${ELSEWHERE}`);
  }
  const reason = `is not valid: ${detail.split(";")[0]!.trim()}${by}`;
  return problem(reason, `${ELSEWHERE}; --ca-cert FILE trusts an authority of your own`);
}

/** The date after which, or before which, it says that the certificate is not valid. */
function dateIn(detail: string, before: string): string {
  const [, seconds] = /not valid (?:after|before) (\d{1,12})/.exec(detail) ?? [];
  const date = new Date(Number(seconds) * 1000);
  return Number.isNaN(date.getTime()) ? "" : before + date.toISOString().slice(0, 10);
}

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
