import assert from "node:assert/strict";
import { canonicalHost, hostOf, otherSpelling } from "../../src/serve/host_name.ts";
import { Admission } from "../../src/serve/limits.ts";
import { headEnd, parseRequest } from "../../src/serve/request.ts";
import { parseAddress } from "../../src/setup/serve/address.ts";

Deno.test("otherSpelling() leads to the same host, by another text", () => {
  const pairs: Readonly<Record<string, string>> = {
    "127.0.0.1:11435": "[::ffff:127.0.0.1]:11435",
    "192.168.1.5": "[::ffff:192.168.1.5]",
    "[::1]:80": "[0:0:0:0:0:0:0:1]:80",
    "[fd00::5:6]": "[fd00:0:0:0:0:0:5:6]",
    "models.lan:8080": "MODELS.LAN:8080",
    "BOX": "box",
  };
  for (const [host, other] of Object.entries(pairs)) {
    assert.equal(otherSpelling(host), other);
    assert.equal(hostOf(other), hostOf(host), host);
  }
});

Deno.test("hostOf() tells addresses and names apart from what is neither", () => {
  assert.equal(hostOf("127.0.0.1:80"), "127.0.0.1");
  assert.equal(hostOf("[::FFFF:7f00:1]:80"), "127.0.0.1");
  assert.equal(hostOf("Box.Lan."), "box.lan");
  for (const host of ["", "a b", "user@host", "a/b", "[::1", "::1", "host:99999999", "a\u0000"]) {
    assert.equal(hostOf(host), undefined, host);
  }
  assert.equal(canonicalHost("fe80::1%eth0"), "[fe80::1]");
});

Deno.test("parseAddress() takes an address, a port, or both", () => {
  assert.deepEqual(parseAddress("0.0.0.0"), { host: "0.0.0.0", port: 11435 });
  assert.deepEqual(parseAddress(":8080"), { host: "0.0.0.0", port: 8080 });
  assert.deepEqual(parseAddress("[::1]:8080"), { host: "::1", port: 8080 });
  assert.deepEqual(parseAddress("box.lan:1"), { host: "box.lan", port: 1 });
  for (const text of ["", "::1", "8080", "a:b", "1.2.3.4:", "1.2.3.4:65536", "http://a", "a/b:1"]) {
    assert.throws(() => parseAddress(text), /is no address to listen at/, text);
  }
});

const never = new AbortController().signal;

/** How many of `count` requests of one address are admitted at once. */
async function admitted(admission: Admission, address: string, count: number): Promise<number> {
  const full = new AbortController();
  const asked = Array.from({ length: count }, () => admission.request(address, full.signal));
  full.abort();
  return (await Promise.all(asked)).filter((slot) => slot).length;
}

Deno.test("Admission gives one address all requests but a few, and at least 16", async () => {
  for (const [maxClients, most] of [[64, 60], [20, 16], [16, 16], [3, 3]] as const) {
    const admission = new Admission({ maxClients });
    assert.equal(await admitted(admission, "10.0.0.1", 100), most);
    assert.equal(await admitted(admission, "127.0.0.1", 100), maxClients - most);
    assert.equal(await admitted(admission, "10.0.0.2", 1), 0);
  }
});

Deno.test("Admission lets a request wait until another is answered, and first that of who has fewer", async () => {
  const admission = new Admission({ maxClients: 2 });
  const [one, two] = [
    await admission.request("10.0.0.1", never),
    await admission.request("10.0.0.1", never),
  ];
  const gone = new AbortController();
  const left = admission.request("10.0.0.3", gone.signal);
  const order: string[] = [];
  const waiting = ["10.0.0.1", "10.0.0.2"].map(async (address) => {
    const slot = await admission.request(address, never);
    order.push(address);
    return slot;
  });
  gone.abort();
  assert.equal(await left, undefined);
  one![Symbol.dispose]();
  one![Symbol.dispose]();
  await waiting[1];
  assert.deepEqual(order, ["10.0.0.2"]);
  two![Symbol.dispose]();
  assert.ok(await waiting[0]);
  assert.equal(await admitted(admission, "127.0.0.1", 1), 0);
});

Deno.test("Admission counts the addresses of an IPv6 network as one", () => {
  const admission = new Admission({ maxClients: 1000 });
  let taken = 0;
  for (let i = 1; i < 2000; i++) {
    if (admission.connection(`2001:db8::${i.toString(16)}`)) taken++;
  }
  assert.equal(taken, 1000);
  assert.ok(admission.connection("2001:db8:0:1::1"));
});

Deno.test("headEnd() finds the end wherever a head is cut", () => {
  const head = new TextEncoder().encode("GET / HTTP/1.1\r\nHost: a\r\n\r\nmore");
  const end = head.length - 4;
  for (let cut = 0; cut <= head.length; cut++) {
    assert.equal(headEnd(head.subarray(0, cut)), cut < end ? undefined : end);
    assert.equal(headEnd(head, Math.min(cut, end - 1) - 3), end);
  }
  const request = parseRequest(head.subarray(0, end));
  assert.ok("method" in request && request.keepAlive);
});
