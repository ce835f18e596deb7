/** Classifies the host of a URL by its text alone, without a DNS lookup. */

/** `name`: only a DNS lookup can tell. */
export type AddressKind =
  | "loopback"
  | "private"
  | "link_local"
  | "unspecified"
  | "public"
  | "name";

/** Characters that would make the URL parser read something other than a host. */
const DELIMITER = /[\s/\\?#@]/;

/**
 * The kind of `host`, without a port: an IPv4 literal, an IPv6 literal with or without brackets
 * and zone, or a name. Notations that the URL parser reads as an IPv4 address (`127.1`,
 * `0x7f000001`) count as that address, because a request would go there. An IPv6 address with an
 * embedded IPv4 address (mapped, compatible, NAT64, 6to4) has the kind of the embedded address.
 */
export function addressKind(host: string): AddressKind {
  if (DELIMITER.test(host)) return "name";
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  const authority = bare.includes(":") ? `[${bare.replace(/%.*$/, "")}]` : bare;
  const canonical = URL.parse(`http://${authority}/`)?.hostname;
  if (canonical === undefined) return "name";
  if (canonical.startsWith("[")) return kindOfIpv6(groupsOf(canonical.slice(1, -1)));
  if (/^\d+(\.\d+){3}$/.test(canonical)) {
    const [a = 0, b = 0] = canonical.split(".").map(Number);
    return kindOfIpv4(a, b);
  }
  return /(^|\.)localhost\.?$/.test(canonical) ? "loopback" : "name";
}

/** By the first two bytes: no range that matters here is finer. */
function kindOfIpv4(a: number, b: number): AddressKind {
  if (a === 0) return "unspecified";
  if (a === 127) return "loopback";
  if (a === 169 && b === 254) return "link_local";
  if (a === 10 || (a === 172 && (b & 0xf0) === 16) || (a === 192 && b === 168)) return "private";
  // Shared address space of carriers and overlay networks: RFC 6598.
  if (a === 100 && (b & 0xc0) === 64) return "private";
  return "public";
}

function kindOfIpv6(groups: readonly number[]): AddressKind {
  const first = groups[0]!;
  const last = groups.at(-1)!;
  const inner = (group: number) => kindOfIpv4(groups[group]! >> 8, groups[group]! & 0xff);
  if (groups.slice(0, 7).every((group) => group === 0) && last <= 1) {
    return last === 0 ? "unspecified" : "loopback";
  }
  const head = groups.slice(0, 6).join(":");
  if (head === "0:0:0:0:0:0" || head === `0:0:0:0:0:${0xffff}`) return inner(6);
  if (head === `${0x64}:${0xff9b}:0:0:0:0`) return inner(6);
  if (first === 0x2002) return inner(1);
  if ((first & 0xffc0) === 0xfe80) return "link_local";
  // fc00::/7, and fec0::/10, which routers still keep within a site.
  if ((first & 0xfe00) === 0xfc00 || (first & 0xffc0) === 0xfec0) return "private";
  return "public";
}

/** The eight groups of an IPv6 address in the URL parser's notation. */
function groupsOf(address: string): number[] {
  const [head = "", tail] = address.split("::");
  const numbers = (text: string) =>
    text === "" ? [] : text.split(":").map((group) => parseInt(group, 16));
  const left = numbers(head);
  const right = numbers(tail ?? "");
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
}
