/** Which names of this machine a client may use, and other spellings of one. */

import { bracketed, ipv6Groups } from "../core/address.ts";

/**
 * The host in a Host header without its port, as it is compared: in lower case, an IPv4 address in its usual form,
 * also where it is written as an IPv6 address. Undefined if it is malformed.
 */
export function hostOf(header: string): string | undefined {
  if (!/^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/i.test(header)) return undefined;
  return canonicalHost(header.replace(/:\d+$/, ""));
}

/** The same for a host without a port; an IPv6 address with or without brackets, without its zone. */
export function canonicalHost(host: string): string | undefined {
  const bare = host.replace(/^\[(.*)\]$/, "$1").replace(/%.*$/, "");
  const url = URL.parse(`http://${bracketed(bare)}/`);
  if (!url) return undefined;
  const canonical = url.hostname.replace(/\.$/, "");
  const [, high, low] = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(canonical) ?? [];
  if (high === undefined) return canonical;
  const [a, b] = [parseInt(high, 16), parseInt(low!, 16)];
  return [a >> 8, a & 255, b >> 8, b & 255].join(".");
}

/**
 * Another spelling of the host in a Host header, with its port, that leads to the same address without DNS, or by the
 * same name in DNS: an IPv4 address as an IPv6 address, an IPv6 address without its abbreviation, a name with
 * letters of the other case. Undefined if there is none.
 */
export function otherSpelling(header: string): string | undefined {
  const [, host = "", port = ""] = /^(.*?)(:\d+)?$/.exec(header) ?? [];
  if (/^\d+(\.\d+){3}$/.test(host)) return `[::ffff:${host}]${port}`;
  if (host.startsWith("[")) {
    const whole = unabbreviated(host.slice(1, -1));
    return whole === undefined || `[${whole}]` === host ? undefined : `[${whole}]${port}`;
  }
  const upper = host.toUpperCase();
  const other = upper === host ? host.toLowerCase() : upper;
  return other === host ? undefined : `${other}${port}`;
}

function unabbreviated(address: string): string | undefined {
  if (address.includes(".") || !address.includes("::")) return undefined;
  return ipv6Groups(address).map((group) => group.toString(16)).join(":");
}
