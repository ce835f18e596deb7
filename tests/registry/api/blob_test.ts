import assert from "node:assert/strict";
import { PullamaError } from "../../../src/core/errors.ts";
import {
  closeAfter,
  contentRange,
  type Fault,
  htmlPage,
  lying416,
  multipart,
  redirect,
  registryError,
  resetAfter,
} from "../../fakes/faults.ts";
import { bytesOf, failureOf, MiB, never, world } from "../world.ts";

Deno.test("case 38: the range is sent to the signed URL of a redirect, and the URL is cached", async () => {
  await using w = await world(3 * MiB, { blobHosts: 1 });
  for (const range of [{ start: 0, end: 1000 }, { start: 2 * MiB, end: 3 * MiB }]) {
    const body = await w.source.open(w.name, w.blob, range, never());
    assert.deepEqual(body.range, range);
    assert.equal(body.ranged, true);
    const { start, end } = range;
    assert.deepEqual(await bytesOf(body.stream), w.content.read(start, end - start));
  }
  const [first, second, third, ...more] = w.registry.requests;
  assert.deepEqual([first!.server, second!.server, third!.server], ["registry", "blobs", "blobs"]);
  assert.deepEqual(more, []);
  assert.equal(second!.headers.get("range"), "bytes=0-999");
  for (const request of w.registry.requests) {
    assert.equal(request.headers.get("authorization"), null);
    assert.equal(request.headers.get("accept-encoding"), "identity");
    assert.equal(request.headers.get("user-agent"), "pullama/test");
  }
});

Deno.test("case 39: a part from the registry itself is accepted", async () => {
  await using w = await world(2 * MiB);
  const body = await w.source.open(w.name, w.blob, { start: 5, end: 10 }, never());
  assert.deepEqual(body.range, { start: 5, end: 10 });
  assert.deepEqual(await bytesOf(body.stream), w.content.read(5, 5));
});

Deno.test("case 40: a server that ignores ranges sends the whole blob, and this is reported", async () => {
  await using w = await world(2 * MiB);
  for (const fault of [{ ignoreRange: true }, { ignoreRange: true, chunked: true }]) {
    w.registry.faults.data = () => fault;
    for (const start of [0, MiB]) {
      const body = await w.source.open(w.name, w.blob, { start, end: 2 * MiB }, never());
      assert.deepEqual(body.range, { start: 0, end: 2 * MiB });
      assert.equal(body.ranged, false);
      assert.deepEqual(await bytesOf(body.stream), w.content.read(0, 2 * MiB));
    }
  }
});

Deno.test("all of a small blob is requested without a range", async () => {
  await using w = await world(5000);
  const whole = await w.source.open(w.name, w.blob, { start: 0, end: 5000 }, never());
  assert.equal(whole.ranged, true);
  assert.deepEqual(await bytesOf(whole.stream), w.content.read(0, 5000));
  const rest = await w.source.open(w.name, w.blob, { start: 100, end: 5000 }, never());
  assert.deepEqual(await bytesOf(rest.stream), w.content.read(100, 4900));
  const ranges = w.registry.requests.map((request) => request.headers.get("range"));
  assert.deepEqual(ranges, [null, "bytes=100-4999"]);
});

Deno.test("case 41: a Location on a response with the bytes is not followed", async () => {
  await using w = await world(2 * MiB);
  w.registry.faults.data = () => ({ headers: { location: `${w.registry.url}/elsewhere` } });
  const body = await w.source.open(w.name, w.blob, { start: 0, end: 10 }, never());
  assert.deepEqual(await bytesOf(body.stream), w.content.read(0, 10));
  assert.equal(w.registry.requests.length, 1);
});

const broken: readonly [string, string, (size: number) => Fault][] = [
  ["case 46", "a part that begins one byte late", (size) => contentRange(`bytes 11-20/${size}`)],
  ["case 46", "a part that begins one byte early", (size) => contentRange(`bytes 9-18/${size}`)],
  ["case 46", "a part with an invalid Content-Range", () => contentRange("10-19")],
  ["case 46", "a part longer than requested", (size) => contentRange(`bytes 10-20/${size}`)],
  ["case 47", "several parts", multipart],
  ["case 50", "a compressed blob", () => ({ gzip: true })],
  ["case 50", "a compressed part", () => ({ headers: { "content-encoding": "br" } })],
  ["case 59", "a status without content", () => ({ status: 204 })],
];
for (const [number, what, fault] of broken) {
  Deno.test(`${number}: ${what} is rejected and can be retried`, async () => {
    await using w = await world(2 * MiB);
    w.registry.faults.data = (_, n) => n === 1 ? fault(2 * MiB) : undefined;
    const range = { start: 10, end: 20 };
    const error = await failureOf(w.source.open(w.name, w.blob, range, never()));
    assert.equal(error.kind, "protocol", error.message);
    assert.match(error.message, /^127\.[\d.:]+ /);
    const body = await w.source.open(w.name, w.blob, range, never());
    assert.deepEqual(await bytesOf(body.stream), w.content.read(10, 10));
  });
}

for (const fault of [{ status: 400 }, { status: 416 }, { status: 501 }, contentRange(undefined)]) {
  const what = fault.status ?? "a part without Content-Range";
  Deno.test(`case 40: where a range is answered by ${what} the whole blob is requested, then and from then on`, async () => {
    await using w = await world(2 * MiB);
    w.registry.faults.data = ({ headers }) => headers.has("range") ? fault : { ignoreRange: true };
    for (const range of [{ start: 10, end: 20 }, { start: MiB, end: 2 * MiB }]) {
      const body = await w.source.open(w.name, w.blob, range, never());
      assert.deepEqual([body.range, body.ranged], [{ start: 0, end: 2 * MiB }, false]);
      assert.deepEqual(await bytesOf(body.stream), w.content.read(0, 2 * MiB));
    }
    const ranges = w.registry.requests.map(({ headers }) => headers.get("range"));
    assert.deepEqual(ranges, ["bytes=10-19", null, null]);
    assert.equal(w.source.sendsRanges(w.name, w.blob), false);
  });
}

Deno.test("whether a host sends ranges is known once it has said so, or sent one", async () => {
  await using w = await world(2 * MiB);
  assert.equal(w.source.sendsRanges(w.name, w.blob), undefined);
  const body = await w.source.open(w.name, w.blob, { start: 10, end: 20 }, never());
  await bytesOf(body.stream);
  assert.equal(w.source.sendsRanges(w.name, w.blob), true);
});

const sizes: readonly [string, string, Fault][] = [
  ["case 46", "a part of a blob of another size", contentRange("bytes 10-19/99")],
  ["case 51", "a 416 with another size", lying416(7)],
];
for (const [number, what, fault] of sizes) {
  Deno.test(`${number}: ${what} is final when repeated`, async () => {
    await using w = await world(2 * MiB);
    const range = { start: 10, end: 20 };
    const open = () => w.source.open(w.name, w.blob, range, never());
    w.registry.faults.data = (_, n) => n === 3 ? undefined : fault;
    assert.equal((await failureOf(open())).kind, "protocol");
    const error = await failureOf(open());
    assert.equal(error.kind, "size");
    assert.match(error.message, /\d+ bytes .* but the manifest says 2097152/);
    await bytesOf((await open()).stream);
    assert.equal((await failureOf(open())).kind, "protocol", "a request in between succeeded");
  });
}

Deno.test("case 59: an HTML page instead of a blob is reported as one, not as a size mismatch", async () => {
  await using w = await world(2 * MiB);
  const range = { start: 10, end: 20 };
  w.registry.faults.data = (_, n) => n <= 2 ? htmlPage() : undefined;
  for (let k = 0; k < 2; k++) {
    const error = await failureOf(w.source.open(w.name, w.blob, range, never()));
    assert.equal(error.kind, "protocol", "it may be temporary");
    assert.match(error.message, /sent an HTML page titled "Page" instead of blob [0-9a-f]{12}/);
  }
  await bytesOf((await w.source.open(w.name, w.blob, range, never())).stream);
});

Deno.test("concurrent requests do not confirm each other", async () => {
  await using w = await world(2 * MiB);
  w.registry.faults.data = () => contentRange("bytes 10-19/99");
  const open = () => failureOf(w.source.open(w.name, w.blob, { start: 10, end: 20 }, never()));
  const kinds = (await Promise.all([open(), open(), open()])).map((error) => error.kind);
  assert.deepEqual(kinds, ["protocol", "protocol", "protocol"]);
  assert.equal((await open()).kind, "size");
});

Deno.test("case 48: the range of a part shorter than requested is reported", async () => {
  await using w = await world(2 * MiB);
  w.registry.faults.data = () => ({ atMost: 1000 });
  const body = await w.source.open(w.name, w.blob, { start: 10, end: MiB }, never());
  assert.deepEqual(body.range, { start: 10, end: 1010 });
  assert.equal(body.ranged, true);
  assert.deepEqual(await bytesOf(body.stream), w.content.read(10, 1000));
});

Deno.test("case 49: a body that continues beyond its part is cancelled with its connection", async () => {
  await using w = await world(2 * MiB);
  w.registry.faults.data = () => ({ chunked: true, extraBytes: Infinity });
  const attempt = new AbortController();
  const body = await w.source.open(w.name, w.blob, { start: 0, end: 1000 }, attempt.signal);
  assert.deepEqual(body.range, { start: 0, end: 1000 });
  const reader = body.stream.getReader({ mode: "byob" });
  for (let got = 0; got < 1000;) got += (await reader.read(new Uint8Array(4096))).value!.length;
  attempt.abort();
  await w.registry.requests[0]!.closed;
  await assert.rejects(reader.read(new Uint8Array(1)));
});

Deno.test("case 51: the body of a 416 is not waited for", async () => {
  await using w = await world(2 * MiB);
  w.registry.faults.data = () => lying416(2 * MiB);
  const error = await failureOf(w.source.open(w.name, w.blob, { start: 10, end: 20 }, never()));
  assert.equal(error.kind, "stale");
  await w.registry.requests[0]!.closed;
});

Deno.test("case 52: all data before a reset is received, and the next request continues from there", async () => {
  await using w = await world(3 * MiB);
  w.registry.faults.data = () => resetAfter(MiB);
  for (let at = 0; at < 3 * MiB;) {
    const body = await w.source.open(w.name, w.blob, { start: at, end: 3 * MiB }, never());
    const reader = body.stream.getReader({ mode: "byob" });
    const begun = at;
    try {
      for (;;) {
        const { value, done } = await reader.read(new Uint8Array(64 << 10));
        if (done) break;
        assert.deepEqual(value, w.content.read(at, value.length));
        at += value.length;
      }
    } catch {
      // The reset.
    }
    assert.equal(at, begun + MiB);
  }
  assert.equal(w.registry.served(w.blob.digest), 3 * MiB);
});

for (const status of [400, 401, 403, 404, 410]) {
  Deno.test(`case 56: a signed URL that returns ${status} is requested again from the registry`, async () => {
    await using w = await world(2 * MiB, { blobHosts: 2 });
    const open = () => w.source.open(w.name, w.blob, { start: 10, end: 20 }, never());
    await bytesOf((await open()).stream);
    w.registry.faults.data = () => ({
      status,
      body: "<Error><Signature>5ec4e7</Signature></Error>",
    });
    const error = await failureOf(open());
    assert.equal(error.kind, "stale");
    assert.doesNotMatch(`${error.message}${error.hint}`, /5ec4e7|X-Amz/);
    delete w.registry.faults.data;
    assert.deepEqual(await bytesOf((await open()).stream), w.content.read(10, 10));
    const hosts = w.registry.requests.map((request) => request.host);
    const [a, b] = w.registry.blobHosts;
    assert.deepEqual(hosts, [w.registry.host, a, a, w.registry.host, b]);
  });
}

Deno.test("a URL that is about to expire is not reused", async () => {
  let now = Date.now();
  await using w = await world(2 * MiB, { blobHosts: 1, signedSeconds: 300 }, { now: () => now });
  const open = async () => {
    const body = await w.source.open(w.name, w.blob, { start: 10, end: 20 }, never());
    await bytesOf(body.stream);
  };
  await open();
  now += 230_000;
  await open();
  assert.equal(w.registry.requests.length, 3);
  now += 15_000;
  await open();
  assert.deepEqual(w.registry.requests.slice(3).map(({ server }) => server), ["registry", "blobs"]);
});

const refusals: readonly [Fault, string, RegExp][] = [
  [
    registryError(401, "UNAUTHORIZED", "authentication required"),
    "auth",
    /requires authentication for .*: authentication required$/,
  ],
  [registryError(403, "DENIED", "not yours"), "auth", /not yours/],
  [registryError(404, "BLOB_UNKNOWN", "blob unknown"), "not_found", /blob unknown/],
  [registryError(405, "UNSUPPORTED", "no"), "refused", /405/],
  [{ status: 501 }, "refused", /501/],
  [{ status: 408 }, "unavailable", /408/],
  [htmlPage(502), "unavailable", /502.*an HTML page titled "Page"$/],
  [{ status: 304 }, "protocol", /304/],
  [{ status: 412 }, "protocol", /412/],
];
for (const [fault, kind, text] of refusals) {
  Deno.test(`open() fails with ${kind} when the registry returns ${fault.status}`, async () => {
    await using w = await world(2 * MiB);
    w.registry.faults.blob = () => fault;
    const error = await failureOf(w.source.open(w.name, w.blob, { start: 0, end: 9 }, never()));
    assert.equal(error.kind, kind);
    assert.match(error.message, text);
  });
}

Deno.test("case 18: Retry-After of a busy server is reported", async () => {
  await using w = await world(2 * MiB, { blobHosts: 1 });
  w.registry.faults.data = () => ({ status: 429, headers: { "retry-after": "7" } });
  const error = await failureOf(w.source.open(w.name, w.blob, { start: 0, end: 9 }, never()));
  assert.deepEqual([error.kind, error.retryAfterMs], ["unavailable", 7000]);
});

Deno.test("a redirect loop of the blob host is detected, and its URL is forgotten", async () => {
  await using w = await world(2 * MiB, { blobHosts: 1 });
  const open = () => w.source.open(w.name, w.blob, { start: 0, end: 9 }, never());
  await bytesOf((await open()).stream);
  w.registry.faults.data = (request) => redirect(`${request.path}?${request.query}`);
  assert.equal((await failureOf(open())).kind, "redirect");
  delete w.registry.faults.data;
  await bytesOf((await open()).stream);
  assert.equal(w.registry.requests.filter(({ server }) => server === "registry").length, 2);
});

Deno.test("a body that ends early fails without hanging", async () => {
  await using w = await world(2 * MiB);
  w.registry.faults.data = () => closeAfter(100);
  const body = await w.source.open(w.name, w.blob, { start: 0, end: MiB }, never());
  await assert.rejects(bytesOf(body.stream), TypeError);
});

Deno.test("a body fails with the reason of an abort", async () => {
  await using w = await world(2 * MiB);
  w.registry.faults.data = () => ({ end: { after: 10, how: "stall" } });
  const attempt = new AbortController();
  const body = await w.source.open(w.name, w.blob, { start: 0, end: MiB }, attempt.signal);
  const reader = body.stream.getReader();
  await reader.read();
  const reason = new PullamaError("timeout", "stalled");
  attempt.abort(reason);
  assert.equal(await reader.read().catch((error) => error), reason);
});

Deno.test("chunksums() returns none for a small blob", async () => {
  await using w = await world(10);
  assert.equal(await w.source.chunksums(w.name, w.blob, never()), undefined);
  assert.deepEqual(w.registry.requests, []);
});
