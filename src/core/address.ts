/** Classifies the host of a URL by its text alone, without a DNS lookup. */

/** `name`: only a DNS lookup can tell. */
export type AddressKind =
  | "loopback"
  | "private"
  /** Link-local, or of a cloud's service for its machines. */
  | "link_local"
  | "unspecified"
  /** Not on the internet: documentation, benchmarks, multicast, protocols. */
  | "reserved"
  | "public"
  | "name";

/** Characters that would make the URL parser read something other than a host. */
const DELIMITER = /[\s/\\?#@]/;

/** Whether `host`, without a port, is an address of this machine or of the network that it is in. */
export function isNear(host: string): boolean {
  return ["loopback", "private", "link_local"].includes(addressKind(host));
}

/**
 * The kind of `host`, without a port: an IPv4 literal, an IPv6 literal with or without brackets
 * and zone, or a name. Notations that the URL parser reads as an IPv4 address (`127.1`,
 * `0x7f000001`) count as that address, because a request would go there. An IPv6 address with an
 * embedded IPv4 address (mapped, compatible, NAT64, 6to4) has the kind of the embedded address.
 */
export function addressKind(host: string): AddressKind {
  if (DELIMITER.test(host)) return "name";
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  const authority = bracketed(bare.includes(":") ? bare.replace(/%.*$/, "") : bare);
  const canonical = URL.parse(`http://${authority}/`)?.hostname;
  if (canonical === undefined) return "name";
  if (canonical.startsWith("[")) return kindOfIpv6(ipv6Groups(canonical.slice(1, -1)));
  if (/^\d+(\.\d+){3}$/.test(canonical)) return kindOfIpv4(ipv4Groups(canonical));
  return /(^|\.)localhost\.?$/.test(canonical) ? "loopback" : "name";
}

/** A host as it is written before a port: an IPv6 address in brackets. */
export function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/** Networks as address and number of bits, with the kind of their addresses; the first match counts. */
type Networks = readonly (readonly [kind: AddressKind, network: readonly number[], bits: number])[];

/** IANA's special-purpose and multicast addresses, and those of cloud metadata services. */
const IPV4: Networks = networks(ipv4Groups, {
  unspecified: ["0.0.0.0/8"],
  loopback: ["127.0.0.0/8"],
  // After link-local: the services of Azure's and Alibaba's hosts.
  link_local: ["169.254.0.0/16", "168.63.129.16/32", "100.100.100.200/32"],
  private: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"],
  reserved: [
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
  ],
});

const IPV6: Networks = networks(ipv6Groups, {
  unspecified: ["::/128"],
  loopback: ["::1/128"],
  // After link-local: the metadata services of Amazon and Google.
  link_local: ["fe80::/10", "fd00:ec2::254/128", "fd20:ce::254/128"],
  // Routers still keep fec0::/10 within a site.
  private: ["fc00::/7", "fec0::/10"],
  reserved: ["2001::/23", "2001:db8::/32", "2620:4f:8000::/48", "3fff::/20"],
  public: ["2000::/3"],
});

/** IPv6 networks whose addresses contain an IPv4 address, and the group that it begins at. */
const EMBEDDED: readonly (readonly [network: readonly number[], bits: number, at: number])[] = [
  // Compatible, mapped, NAT64, 6to4.
  [ipv6Groups("::"), 96, 6],
  [ipv6Groups("::ffff:0:0"), 96, 6],
  [ipv6Groups("64:ff9b::"), 96, 6],
  [ipv6Groups("2002::"), 16, 1],
];

function kindOfIpv4(groups: readonly number[]): AddressKind {
  return kindIn(IPV4, groups) ?? "public";
}

/** Outside of 2000::/3 nothing is public. */
function kindOfIpv6(groups: readonly number[]): AddressKind {
  const [, , at] = EMBEDDED.find(([network, bits]) => isIn(groups, network, bits)) ?? [];
  const kind = kindIn(IPV6, groups);
  if (at === undefined || kind === "loopback" || kind === "unspecified") return kind ?? "reserved";
  return kindOfIpv4(groups.slice(at, at + 2));
}

function kindIn(networks: Networks, groups: readonly number[]): AddressKind | undefined {
  return networks.find(([_, network, bits]) => isIn(groups, network, bits))?.[0];
}

/** Whether the first `bits` of two addresses, in groups of 16 bits, are equal. */
function isIn(groups: readonly number[], network: readonly number[], bits: number): boolean {
  return network.every((group, i) => {
    const unused = Math.min(16, Math.max(0, 16 * (i + 1) - bits));
    return group >> unused === groups[i]! >> unused;
  });
}

function networks(
  groupsIn: (address: string) => number[],
  table: Partial<Record<AddressKind, readonly string[]>>,
): Networks {
  return Object.entries(table).flatMap(([kind, list]) =>
    list.map((network) => {
      const [address = "", bits] = network.split("/");
      return [kind as AddressKind, groupsIn(address), Number(bits)] as const;
    })
  );
}

/** The two groups of 16 bits of an IPv4 address. */
function ipv4Groups(address: string): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
  return [a * 256 + b, c * 256 + d];
}

/** The eight groups of an IPv6 address in the URL parser's notation. */
export function ipv6Groups(address: string): number[] {
  const [head = "", tail] = address.split("::");
  const numbers = (text: string) =>
    text === "" ? [] : text.split(":").map((group) => parseInt(group, 16));
  const left = numbers(head);
  const right = numbers(tail ?? "");
  return [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
}
