import assert from "node:assert/strict";
import { PullamaError } from "../../../src/core/errors.ts";
import { Http, type RequestNote } from "../../../src/registry/http/http.ts";
import { RegistrySource } from "../../../src/registry/source.ts";
import { authority, early, elsewhere, expired, key, ownAuthority } from "../../fakes/authority.ts";
import { certificate, certificateKey } from "../../fakes/certificate.ts";
import { startRegistry } from "../../fakes/registry.ts";
import { BY_FETCH, failureOf, nameAt, never } from "../world.ts";

const agent = { userAgent: "pullama/test" };

Deno.test("get() reports each response without query and credentials", async () => {
  await using registry = await startRegistry();
  const notes: RequestNote[] = [];
  using http = new Http({ ...agent, onRequest: (note) => notes.push(note) });
  const response = await http.get(new URL(`${registry.url}/a/b?secret=1#x`), { signal: never() });
  await response.body?.cancel();
  const [{ elapsedMs, ...note }] = notes as [RequestNote];
  assert.deepEqual(note, { method: "GET", url: `${registry.url}/a/b`, status: 404 });
  assert.ok(elapsedMs >= 0);
});

Deno.test("get() sends its user agent and accepts no compression", async () => {
  await using registry = await startRegistry();
  using http = new Http(agent);
  const response = await http.get(new URL(registry.url), { signal: never() });
  await response.body?.cancel();
  const { headers } = registry.requests[0]!;
  assert.equal(headers.get("user-agent"), "pullama/test");
  assert.equal(headers.get("accept-encoding"), "identity");
});

for (const how of ["reset", "close"] as const) {
  Deno.test(`get() retries once immediately when a kept connection ends in a ${how}`, async () => {
    await using registry = await startRegistry();
    using http = new Http(agent);
    const url = new URL(`${registry.url}/x`);
    const get = async () => await (await http.get(url, { signal: never() })).text();
    await get();
    // fetch itself retries once on a kept connection: two failures in a row are one for get().
    registry.faults.other = (_, n) => n <= 3 ? { hangUp: how } : undefined;
    await get();
    assert.equal(registry.requests.length, 4);
    registry.faults.other = () => ({ hangUp: how });
    assert.equal((await failureOf(get())).kind, "network");
    assert.ok(registry.requests.length <= 4 + 3 * BY_FETCH);
  });

  Deno.test(`get() does not retry when the first request to a host ends in a ${how}`, async () => {
    await using registry = await startRegistry();
    using http = new Http(agent);
    registry.faults.other = () => ({ hangUp: how });
    const url = new URL(`${registry.url}/x`);
    const error = await failureOf(http.get(url, { signal: never() }));
    assert.equal(error.kind, "network");
    assert.ok(error.message.includes(registry.host));
    assert.equal(registry.requests.length, BY_FETCH);
  });
}

Deno.test("case 54: endless headers time out", async () => {
  await using registry = await startRegistry();
  using http = new Http({ ...agent, headerTimeoutMs: 500 });
  const url = new URL(`${registry.url}/x?sig=5ec4e7`);
  registry.faults.other = () => ({ endlessHeaders: true, bytesPerSecond: 5000 });
  const error = await failureOf(http.get(url, { signal: never() }));
  assert.equal(error.kind, "timeout");
  assert.match(error.message, /^no response from 127\.[\d.:]+ within 500ms$/);
  await registry.requests[0]!.closed;
});

Deno.test("a response is waited for longer at each attempt, up to the limit", async () => {
  await using registry = await startRegistry();
  using http = new Http({ ...agent, headerTimeoutMs: 100, longestHeaderMs: 250 });
  registry.faults.other = (_, n) => n <= 4 ? { delayMs: Infinity } : undefined;
  const get = () => http.get(new URL(`${registry.url}/x?n=${Math.random()}`), { signal: never() });
  const failures: [message: string, hint: string | undefined][] = [];
  for (const least of [100, 200, 250, 250]) {
    const began = performance.now();
    const { message, hint } = await failureOf(get());
    assert.ok(performance.now() - began >= least - 1);
    failures.push([message.replace(registry.host, "H"), hint]);
  }
  const check = "check the network connection, and the proxy if there is one";
  assert.deepEqual(failures, [
    ["no response from H within 100ms (the next attempt waits 200ms)", check],
    ["no response from H within 200ms (the next attempt waits 250ms)", check],
    ["no response from H within 250ms", `${check}, or use a longer --timeout`],
    ["no response from H within 250ms", `${check}, or use a longer --timeout`],
  ]);

  // A quick response shows that the server no longer needs more time.
  await (await get()).body?.cancel();
  registry.faults.other = () => ({ delayMs: Infinity });
  assert.match((await failureOf(get())).message, /within 100ms /);
});

Deno.test("concurrent requests that get no response count as one attempt", async () => {
  await using registry = await startRegistry();
  using http = new Http({ ...agent, headerTimeoutMs: 100, longestHeaderMs: 10_000 });
  registry.faults.other = () => ({ delayMs: Infinity });
  const get = () => failureOf(http.get(new URL(`${registry.url}/x`), { signal: never() }));
  const all = await Promise.all([get(), get(), get(), get()]);
  assert.ok(all.every(({ message }) => message.endsWith("(the next attempt waits 200ms)")));
});

Deno.test("case 54: too many headers are rejected", async () => {
  await using registry = await startRegistry();
  using http = new Http(agent);
  registry.faults.other = () => ({ endlessHeaders: true });
  const error = await failureOf(http.get(new URL(registry.url), { signal: never() }));
  assert.equal(error.kind, "protocol");
  assert.match(error.message, /head is too large/);
  await registry.requests[0]!.closed;
});

/** Whether a kept connection is reused after `stall`. */
async function keptAfter(
  stall: (http: Http, url: URL) => Promise<void>,
): Promise<boolean> {
  await using registry = await startRegistry();
  using http = new Http({ ...agent, headerTimeoutMs: 1000 });
  const gate = Promise.withResolvers<void>();
  registry.faults.other = async ({ path }, n) => {
    if (path === "/silent") return { delayMs: Infinity };
    if (path === "/stall") return { body: "1234567890", end: { after: 5, how: "stall" } };
    if (n === 2) gate.resolve();
    await gate.promise;
    return undefined;
  };
  const get = async () => {
    await (await http.get(new URL(`${registry.url}/x`), { signal: never() })).text();
  };
  await Promise.all([get(), get()]);
  await stall(http, new URL(registry.url));
  await get();
  return registry.requests.at(-1)!.connection <= 2;
}

Deno.test("kept connections are not reused after a header timeout", async () => {
  const kept = await keptAfter(async (http, url) => {
    const get = http.get(new URL("/silent", url), { signal: never() });
    assert.equal((await failureOf(get)).kind, "timeout");
  });
  assert.equal(kept, false);
});

Deno.test("kept connections are not reused after a body stalled", async () => {
  for (const [reason, expected] of [["timeout", false], ["interrupted", true]] as const) {
    const kept = await keptAfter(async (http, url) => {
      const attempt = new AbortController();
      const response = await http.get(new URL("/stall", url), { signal: attempt.signal });
      const reader = response.body!.getReader();
      await reader.read();
      attempt.abort(new PullamaError(reason, "stop"));
      assert.equal((await failureOf(reader.read())).kind, reason);
    });
    assert.equal(kept, expected);
  }
});

Deno.test("a response that arrives after close() still has its body", async () => {
  await using registry = await startRegistry();
  const gate = Promise.withResolvers<undefined>();
  const arrived = Promise.withResolvers<void>();
  registry.faults.other = () => {
    arrived.resolve();
    return gate.promise;
  };
  const http = new Http(agent);
  const get = http.get(new URL(registry.url), { signal: never() });
  await arrived.promise;
  http.close();
  http.close();
  gate.resolve(undefined);
  assert.match(await (await get).text(), /404/);
});

Deno.test("case 62: a certificate of an unknown authority is final, unless the user trusts it", async () => {
  await using registry = await startRegistry({ tls: { cert: certificate, key: certificateKey } });
  registry.add("library/tiny:latest", { layers: [{ mediaType: "x", content: "y" }] });
  const name = nameAt(registry, "library/tiny:latest");
  using untrusting = new RegistrySource(agent);
  const error = await failureOf(untrusting.manifest(name, never()));
  assert.equal(error.kind, "tls");
  assert.equal(
    error.message,
    `cannot reach ${registry.host}: its certificate is signed by an unknown authority, pullama test`,
  );
  assert.match(error.hint!, /--ca-cert/);
  assert.equal(registry.requests.length, 0);

  using trusting = new RegistrySource({ ...agent, caCerts: [certificate] });
  assert.equal((await trusting.manifest(name, never())).layers.length, 1);
});

/** Invalid certificates of a trusted authority, and what is wrong with each. */
const INVALID: readonly (readonly [what: string, cert: string, says: string, hint: RegExp])[] = [
  ["is for another host", elsewhere, "is for other.example, not for this host", /spelling/],
  ["has expired", expired, "expired on 2020-02-01", /clock/],
  ["is not valid yet", early, "is not valid before 2100-01-01", /clock/],
];
for (const [what, cert, says, hint] of INVALID) {
  Deno.test(`case 62: a certificate that ${what} is final, and the error names its issuer`, async () => {
    await using registry = await startRegistry({ tls: { cert, key } });
    using source = new RegistrySource({ ...agent, caCerts: [authority] });
    const name = nameAt(registry, "library/tiny:latest");
    const error = await failureOf(source.manifest(name, never()));
    assert.equal(error.kind, "tls");
    const by = "(issued by Example Root CA (Example Corp))";
    assert.equal(error.message, `cannot reach ${registry.host}: its certificate ${says} ${by}`);
    assert.match(error.hint!, hint);
    assert.equal(registry.requests.length, 0);
  });
}

Deno.test("case 62: a CA certificate used by a server is reported as one", async () => {
  await using registry = await startRegistry({ tls: { cert: ownAuthority, key } });
  using source = new RegistrySource({ ...agent, caCerts: [ownAuthority] });
  const error = await failureOf(source.manifest(nameAt(registry, "library/tiny"), never()));
  assert.equal(error.kind, "tls");
  assert.match(error.message, /is a CA certificate.*\(issued by registry\.internal\)$/);
});

Deno.test("case 43: a redirect from https to plain http is refused", async () => {
  await using plain = await startRegistry();
  await using registry = await startRegistry({ tls: { cert: certificate, key: certificateKey } });
  registry.faults.manifest = ({ path }) => ({
    status: 307,
    headers: { location: plain.url + path },
  });
  using source = new RegistrySource({ ...agent, caCerts: [certificate] });
  const error = await failureOf(source.manifest(nameAt(registry, "library/tiny:latest"), never()));
  assert.equal(error.kind, "redirect");
  assert.match(error.message, /plain http/);
  assert.equal(plain.requests.length, 0);
});
