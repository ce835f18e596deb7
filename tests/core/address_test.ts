import assert from "node:assert/strict";
import fc from "fast-check";
import { type AddressKind, addressKind } from "../../src/core/address.ts";

function expectAll(kind: AddressKind, hosts: readonly string[]) {
  for (const host of hosts) assert.equal(addressKind(host), kind, host);
}

Deno.test("addressKind() recognizes loopback addresses and localhost names", () => {
  expectAll("loopback", ["127.0.0.1", "127.255.255.255", "::1", "[::1]", "0:0:0:0:0:0:0:1"]);
  expectAll("loopback", ["localhost", "LocalHost", "localhost.", "a.b.localhost", "x.localhost."]);
});

Deno.test("addressKind() recognizes the limits of the private ranges", () => {
  expectAll("private", ["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255"]);
  expectAll("private", ["192.168.0.0", "192.168.255.255", "100.64.0.0", "100.127.255.255"]);
  expectAll("private", ["fc00::", "fdff:ffff::1", "[fd00::1]", "fec0::1"]);
  expectAll("public", ["9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0"]);
  expectAll("public", ["192.167.255.255", "192.169.0.0", "100.63.255.255", "100.128.0.0"]);
  expectAll("public", ["2001:200::1", "2001:dc8::1", "3ffe:ffff::1", "[2606:4700::6810:1]"]);
});

Deno.test("addressKind() recognizes link-local and unspecified addresses", () => {
  expectAll("link_local", ["169.254.0.0", "169.254.169.254", "fe80::1", "febf:ffff::1"]);
  expectAll("link_local", ["fe80::1%eth0", "[fe80::1%25eth0]"]);
  expectAll("public", ["169.253.255.255", "169.255.0.0"]);
  expectAll("unspecified", ["0.0.0.0", "0.1.2.3", "::", "[::]", "0:0:0:0:0:0:0:0"]);
});

Deno.test("addressKind() recognizes the services of clouds for their machines", () => {
  expectAll("link_local", ["168.63.129.16", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254"]);
  expectAll("link_local", ["::ffff:168.63.129.16", "64:ff9b::a83f:8110", "2822734096"]);
  expectAll("public", ["168.63.129.15", "168.63.129.17"]);
  expectAll("private", ["100.100.100.201", "fd00:ec2::253"]);
});

/** The first and the last address of networks that IANA has for special purposes, and of multicast. */
const RESERVED = [
  ["192.0.0.0", "192.0.0.255"],
  ["192.0.0.192", "192.0.0.170"],
  ["192.0.2.0", "192.0.2.255"],
  ["192.31.196.0", "192.31.196.255"],
  ["192.52.193.0", "192.52.193.255"],
  ["192.88.99.0", "192.88.99.255"],
  ["192.175.48.0", "192.175.48.255"],
  ["198.18.0.0", "198.19.255.255"],
  ["198.51.100.0", "198.51.100.255"],
  ["203.0.113.0", "203.0.113.255"],
  ["224.0.0.0", "239.255.255.255"],
  ["240.0.0.0", "255.255.255.255"],
  ["64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"],
  ["64:ff9b:1::169.254.169.254", "64:ff9b:1::10.0.0.1"],
  ["100::", "100::ffff:ffff:ffff:ffff"],
  ["100:0:0:1::", "100:0:0:1:ffff:ffff:ffff:ffff"],
  ["2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"],
  ["2001:0:7f00:1::", "2001:2::1"],
  ["2001:db8::", "2001:db8:ffff::"],
  ["2620:4f:8000::", "2620:4f:8000:ffff::"],
  ["3fff::", "3fff:fff:ffff::"],
  ["5f00::", "5f00:ffff::"],
  ["ff02::1", "ffff::"],
  // Not assigned: nothing outside of 2000::/3 is public.
  ["4000::1", "fe00::1"],
  ["fbff::1", "1::"],
];

Deno.test("addressKind() recognizes reserved addresses", () => {
  expectAll("reserved", RESERVED.flat());
  expectAll("public", [
    "192.0.1.0",
    "198.17.255.255",
    "198.20.0.0",
    "203.0.114.0",
    "223.255.255.255",
  ]);
  expectAll("public", [
    "192.0.3.0",
    "198.51.99.255",
    "2001:db9::",
    "2620:4f:8001::",
    "3fff:1000::",
  ]);
});

Deno.test("addressKind() uses the IPv4 address embedded in an IPv6 address", () => {
  expectAll("loopback", ["::ffff:127.0.0.1", "[::ffff:7f00:1]", "0:0:0:0:0:FFFF:127.0.0.1"]);
  expectAll("link_local", ["::ffff:169.254.169.254", "::a9fe:a9fe", "64:ff9b::169.254.169.254"]);
  expectAll("private", ["[::ffff:a00:1]", "2002:c0a8:101::1", "64:ff9b::10.0.0.1"]);
  expectAll("public", ["::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]);
  expectAll("unspecified", ["::ffff:0.0.0.0"]);
});

Deno.test("addressKind() reads unusual notations as the URL parser does", () => {
  expectAll("loopback", [
    "127.1",
    "0x7f.1",
    "2130706433",
    "017700000001",
    "0x7f000001",
    "127.0.0.1.",
  ]);
  expectAll("link_local", ["0xa9fea9fe", "169.254.43518", "2852039166"]);
  expectAll("private", ["012.0.0.1", "0xa.1", "１０.0.0.1", "192.168.257"]);
  for (const odd of ["127.1", "0x7f.1", "2130706433", "[::ffff:127.0.0.1]", "0x08080808", "12.1"]) {
    assert.equal(addressKind(new URL(`http://${odd}/`).hostname), addressKind(odd), odd);
  }
});

Deno.test("addressKind() treats any other text as a name", () => {
  expectAll("name", ["example.com", "localhost.example.com", "notlocalhost", "10.0.0.1.nip.io"]);
  expectAll("name", ["", "[", "[]", "::1::", "1.2.3.4.5", "256.1.1.1", "[127.0.0.1]x", "a b"]);
  expectAll("name", ["x@127.0.0.1", "127.0.0.1/", "127.0.0.1#", "10.0.0.1:80", "\t127.0.0.1"]);
});

Deno.test("addressKind() classifies every IPv4 address by its range", () => {
  const inside = (address: number, base: number[], bits: number) =>
    Math.floor(address / 2 ** (32 - bits)) ===
      Math.floor(base.reduce((sum, byte) => sum * 256 + byte, 0) / 2 ** (32 - bits));
  const ranges: readonly [AddressKind, number[], number][] = [
    ["unspecified", [0, 0, 0, 0], 8],
    ["private", [10, 0, 0, 0], 8],
    ["private", [100, 64, 0, 0], 10],
    ["loopback", [127, 0, 0, 0], 8],
    ["link_local", [169, 254, 0, 0], 16],
    ["private", [172, 16, 0, 0], 12],
    ["private", [192, 168, 0, 0], 16],
    ["reserved", [192, 0, 0, 0], 24],
    ["reserved", [192, 0, 2, 0], 24],
    ["reserved", [192, 31, 196, 0], 24],
    ["reserved", [192, 52, 193, 0], 24],
    ["reserved", [192, 88, 99, 0], 24],
    ["reserved", [192, 175, 48, 0], 24],
    ["reserved", [198, 18, 0, 0], 15],
    ["reserved", [198, 51, 100, 0], 24],
    ["reserved", [203, 0, 113, 0], 24],
    ["reserved", [224, 0, 0, 0], 3],
  ];
  const near = fc.constantFrom(
    0,
    10,
    15,
    16,
    31,
    32,
    63,
    64,
    100,
    127,
    128,
    168,
    169,
    172,
    192,
    254,
  );
  const byte = fc.oneof(near, fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.tuple(byte, byte, byte, byte), (bytes) => {
      const address = bytes.reduce((sum, each) => sum * 256 + each, 0);
      const [kind] = ranges.find(([, base, bits]) => inside(address, base, bits)) ?? ["public"];
      const dotted = bytes.join(".");
      assert.equal(addressKind(dotted), kind, dotted);
      assert.equal(addressKind(String(address)), kind, dotted);
      assert.equal(addressKind(`[::ffff:${dotted}]`), kind, dotted);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("addressKind() never throws", () => {
  fc.assert(fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.ipV6(), fc.domain()), (text) => {
    assert.equal(typeof addressKind(text), "string");
    assert.equal(addressKind(`[${text}]`), addressKind(`[${text}]`.toUpperCase()));
  }));
});
