import assert from "node:assert/strict";
import { digestOf } from "../../../src/core/digest.ts";
import { PullamaError } from "../../../src/core/errors.ts";
import type { Chunk } from "../../../src/core/ranges.ts";
import { UrlCache } from "../../../src/registry/api/url_cache.ts";
import { chunksumsOf } from "../../../src/registry/api/chunksums.ts";
import type { RegistryOptions } from "../../../src/registry/source.ts";
import { certificate, certificateKey } from "../../fakes/certificate.ts";
import { digestOfContent, held } from "../../fakes/content.ts";
import {
  type Fault,
  htmlPage,
  lyingList,
  redirect,
  registryError,
  resetAfter,
  stallAfter,
  WRONG_LISTS,
} from "../../fakes/faults.ts";
import type { RegistryOptions as FakeOptions } from "../../fakes/registry.ts";
import { challenged, demandTokens } from "../../fakes/token_server.ts";
import { authWorld } from "../auth/world.ts";
import { PUBLIC } from "../auth/keys.ts";
import { BY_FETCH, bytesOf, failureOf, MiB, nameAt, never, type World, world } from "../world.ts";

const LENGTH = MiB / 2;

interface ChunkWorld extends World {
  /** The notes so far. */
  readonly notes: readonly string[];
  ask(): Promise<readonly Chunk[] | undefined>;
  /** Downloads the first bytes of the blob and checks them. */
  fetched(): Promise<void>;
  /** Paths of the requests so far, in short. */
  asked(): string[];
}

/** A blob of 2 MiB and 5 bytes, and a source that requests chunk lists of blobs over 1 MiB. */
async function chunkWorld(
  fake: FakeOptions = {},
  options: Partial<RegistryOptions> = {},
): Promise<ChunkWorld> {
  const notes: string[] = [];
  const w = await world(2 * MiB + 5, { chunkLength: LENGTH, ...fake }, {
    chunkSize: MiB,
    onNote: (message) => notes.push(message),
    ...options,
  });
  return {
    ...w,
    notes,
    ask: () => w.source.chunksums(w.name, w.blob, never()),
    async fetched() {
      const body = await w.source.open(w.name, w.blob, { start: 0, end: 100 }, never());
      assert.deepEqual(await bytesOf(body.stream), w.content.read(0, 100));
    },
    asked: () =>
      w.registry.requests.map(({ server, path }) =>
        server === "blobs" ? "blob host" : /manifests|blobs|chunksums|token/.exec(path)?.[0] ?? path
      ),
  };
}

Deno.test("chunksums() returns the chunks of the registry, which cover the blob", async () => {
  await using w = await chunkWorld();
  const chunks = await w.ask();
  const ends = [LENGTH, 2 * LENGTH, 3 * LENGTH, 4 * LENGTH, w.blob.size];
  assert.deepEqual(chunks?.map(({ end }) => end), ends);
  for (const { start, end, digest } of chunks!) {
    assert.equal(digest, digestOfContent(held(w.content.read(start, end - start))));
  }
  const [request] = w.registry.requests;
  assert.equal(request!.path, `/v2/library/tiny/chunksums/${w.blob.digest}`);
  assert.equal(request!.headers.get("accept-encoding"), "identity");
  assert.equal(request!.headers.get("authorization"), null);
  assert.deepEqual(w.notes, []);
});

Deno.test("case 66: a list in another order is accepted", async () => {
  await using w = await chunkWorld();
  const right = await w.ask();
  w.registry.faults.chunksums = () => ({ list: (lines) => lines.toReversed() });
  assert.deepEqual(await w.ask(), right);
});

Deno.test("case 70: no chunk list is requested for a blob of one chunk", async () => {
  await using w = await chunkWorld();
  for (const [size, requests] of [[MiB, 0], [MiB + 1, 1]] as const) {
    const before = w.registry.requests.length;
    await w.source.chunksums(w.name, { ...w.blob, size }, never());
    assert.equal(w.registry.requests.length - before, requests);
  }
  await using usual = await world(2 * MiB, { chunkLength: LENGTH });
  assert.equal(await usual.source.chunksums(usual.name, usual.blob, never()), undefined);
  assert.deepEqual(usual.registry.requests, []);
});

const never200 = { status: 200, headers: { "content-type": "text/plain" } };

/** Failures of a registry, whether it is asked again for the next blob, and the note. */
const refusals: readonly [string, Fault, "again" | "never", RegExp][] = [
  [
    "returns 404",
    registryError(404, "BLOB_UNKNOWN", "blob unknown"),
    "never",
    /returned status 404/,
  ],
  ["returns 401 without a challenge", { status: 401 }, "never", /returned status 401/],
  ["returns 403", registryError(403, "DENIED", "no"), "never", /returned status 403/],
  ["returns 400", { status: 400, body: "what?" }, "never", /returned status 400/],
  ["returns 405", { status: 405 }, "never", /returned status 405/],
  ["returns 501", { status: 501 }, "never", /returned status 501/],
  ["returns 204", { status: 204 }, "never", /returned status 204/],
  ["returns 206", { status: 206 }, "never", /returned status 206/],
  ["returns 500", { status: 500 }, "again", /returned status 500/],
  ["is busy", { status: 429, headers: { "retry-after": "600" } }, "again", /returned status 429/],
  ["sends an HTML page", htmlPage(), "never", /HTML page/],
  ["redirects to an HTML page", redirect("/login"), "never", /HTML page/],
  ["sends an HTML page as text/plain", { ...never200, body: "<html></html>" }, "never", /entry 1/],
  ["sends JSON", { ...never200, body: '{"chunks":[]}' }, "never", /entry 1/],
  ["sends nothing", { ...never200, body: "" }, "never", /ends at byte 0 of/],
  ["sends a compressed list", { headers: { "content-encoding": "gzip" } }, "never", /compressed/],
  ["redirects to a file", redirect("file:///etc/passwd"), "never", /scheme "file"/],
  ["sends a redirect loop", redirect("?again"), "never", /redirect loop/],
  ["does not respond", { delayMs: Infinity }, "never", /no data received from .* for 0\.15s/],
  ["stalls", stallAfter(100), "never", /no data received from .* for 0\.15s/],
  ["resets the connection", { hangUp: "reset" }, "again", /cannot reach/],
  ["resets the connection in the body", resetAfter(100), "again", /lost the connection/],
];
for (const [what, fault, then, note] of refusals) {
  Deno.test(`case 64: a registry that ${what} for a chunk list does not affect the pull`, async () => {
    // Twice, where fetch itself sends the request again.
    await using w = await chunkWorld({}, { chunksumsMs: fault.hangUp ? 3000 : 150 });
    w.registry.faults.chunksums = () => fault;
    w.registry.faults.other = ({ path }) => path === "/login" ? htmlPage() : undefined;
    assert.equal(await w.ask(), undefined);
    assert.match(w.notes.join("\n"), note);
    assert.equal(w.notes.length, 1);
    await w.fetched();

    delete w.registry.faults.chunksums;
    const again = await w.ask();
    assert.equal(again === undefined ? "never" : "again", then);
    const asked = w.asked().filter((path) => path === "chunksums").length;
    if (then === "never") assert.ok(asked === 1 || what.includes("redirect"), `${asked} requests`);
  });
}

Deno.test("case 64: a host without chunk lists does not affect other hosts", async () => {
  await using without = await chunkWorld({ chunkLength: 0 });
  await using w = await world(2 * MiB, { chunkLength: LENGTH });
  assert.equal(await without.ask(), undefined);
  const chunks = await without.source.chunksums(w.name, w.blob, never());
  assert.equal(chunks?.length, 4);
});

for (const [what, list] of Object.entries(WRONG_LISTS)) {
  Deno.test(`case 65: a list with ${what} is not used, and the blob is downloaded without it`, async () => {
    await using w = await chunkWorld();
    w.registry.faults.chunksums = () => ({ list });
    assert.equal(await w.ask(), undefined);
    assert.match(w.notes[0]!, /^no chunk list for blob [0-9a-f]{12}: invalid list from/);
    await w.fetched();
  });
}

Deno.test("case 67: a list of 48 MiB is cancelled at 32 MiB", async () => {
  await using w = await chunkWorld();
  const line = new TextEncoder().encode(`${w.blob.digest} 0-65535\n`);
  // What is left does not fit into the buffers of the system: the connection is closed, not kept.
  const body = new Uint8Array(48 * MiB);
  for (let at = 0; at + line.length <= body.length; at += line.length) body.set(line, at);
  w.registry.faults.chunksums = () => ({ status: 200, body });
  assert.equal(await w.ask(), undefined);
  assert.match(w.notes[0]!, /more than 32 MiB/);
  await w.registry.requests[0]!.closed;
  await w.fetched();
});

Deno.test("case 68: a list that covers the blob is returned without verifying its digests", async () => {
  await using w = await chunkWorld();
  const right = await w.ask();
  w.registry.faults.chunksums = () => ({ list: lyingList });
  const lying = await w.ask();
  assert.equal(lying?.length, right!.length);
  assert.notEqual(lying![0]!.digest, right![0]!.digest);
  await w.fetched();
});

Deno.test("ranges are requested from the Content-Location of the chunk list", async () => {
  await using w = await chunkWorld({ blobHosts: 1 });
  await w.ask();
  await w.fetched();
  assert.deepEqual(w.asked(), ["chunksums", "blob host"]);
  assert.equal(w.registry.requests[1]!.headers.get("range"), "bytes=0-99");
});

const dead: readonly [string, Fault][] = [
  ["returns 401", { status: 401 }],
  ["returns 403", { status: 403 }],
  ["returns 404", { status: 404 }],
  ["returns 405", { status: 405 }],
  ["returns 451", { status: 451 }],
  ["is busy", { status: 429, headers: { "retry-after": "86400" } }],
  ["sends an HTML page", htmlPage()],
  ["redirects to a file", redirect("file:///etc/passwd")],
  ["resets the connection", { hangUp: "reset" }],
];
for (const [what, fault] of dead) {
  Deno.test(`a Content-Location that ${what} is replaced by the blob's own URL`, async () => {
    await using w = await chunkWorld({ blobHosts: 1 });
    await w.ask();
    const failing = fault.hangUp ? BY_FETCH : 1;
    w.registry.faults.data = (_, n) => n <= failing ? fault : undefined;
    await w.fetched();
    const first = Array.from({ length: failing }, () => "blob host");
    assert.deepEqual(w.asked(), ["chunksums", ...first, "blobs", "blob host"]);
    await w.fetched();
    assert.deepEqual(w.asked().slice(3 + failing), ["blob host"]);
  });
}

Deno.test("a Content-Location that no longer works is forgotten", async () => {
  await using w = await chunkWorld({ blobHosts: 1 });
  await w.ask();
  await w.fetched();
  w.registry.expireAddresses();
  const range = { start: 0, end: 100 };
  const error = await failureOf(w.source.open(w.name, w.blob, range, never()));
  assert.equal(error.kind, "stale");
  await w.fetched();
  assert.deepEqual(w.asked(), ["chunksums", "blob host", "blob host", "blobs", "blob host"]);
});

Deno.test("several connections use the Content-Location at the same time", async () => {
  await using w = await chunkWorld({ blobHosts: 1 });
  await w.ask();
  await Promise.all([w.fetched(), w.fetched(), w.fetched()]);
  assert.deepEqual(w.asked(), ["chunksums", "blob host", "blob host", "blob host"]);
});

Deno.test("an abort at a stalled Content-Location does not request the blob's own URL", async () => {
  await using w = await chunkWorld({ blobHosts: 1 });
  await w.ask();
  const attempt = new AbortController();
  w.registry.faults.data = () => {
    attempt.abort();
    return { delayMs: Infinity };
  };
  const range = { start: 0, end: 100 };
  const error = await failureOf(w.source.open(w.name, w.blob, range, attempt.signal));
  assert.equal(error.kind, "interrupted");
  assert.deepEqual(w.asked(), ["chunksums", "blob host"]);
});

for (
  const location of [
    "file:///etc/passwd",
    "ftp://127.0.0.1/x",
    "data:text/plain,x",
    "http://user:secret@127.0.0.1/x",
    "http://[::1",
  ]
) {
  Deno.test(`case 69: a Content-Location ${location} is ignored`, async () => {
    await using w = await chunkWorld();
    w.registry.faults.chunksums = () => ({ headers: { "content-location": location } });
    assert.equal((await w.ask())?.length, 5);
    assert.match(
      w.notes[0]!,
      /^ignored the Content-Location of the chunk list from 127\.[\d.:]+: /,
    );
    assert.doesNotMatch(w.notes[0]!, /secret|passwd/);
    await w.fetched();
    assert.deepEqual(w.asked(), ["chunksums", "blobs"]);
  });
}

Deno.test("case 69: a Content-Location with plain http is ignored for an https registry", async () => {
  const tls = { cert: certificate, key: certificateKey };
  await using plain = await world(10);
  await using w = await chunkWorld({ tls }, { caCerts: [certificate] });
  const location = `${plain.registry.url}/v2/library/tiny/blobs/${w.blob.digest}`;
  w.registry.faults.chunksums = () => ({ headers: { "content-location": location } });
  assert.equal((await w.ask())?.length, 5);
  await w.fetched();
  assert.deepEqual(plain.registry.requests, []);
});

Deno.test("case 69: a Content-Location with an internal address is ignored for a public registry", async () => {
  const blob = { mediaType: "x", digest: digestOf("ab".repeat(32)), size: 100_000 };
  const name = { host: "registry.example", namespace: "a", model: "b", tag: "c" };
  const lookup = (host: string) =>
    Promise.resolve([host === "inside.example" ? "10.0.0.1" : "192.0.2.1"]);
  const ask = async (location: string) => {
    const hints = new UrlCache(Date.now);
    const url = (_: unknown, path: string) => new URL(`https://registry.example/v2/a/b/${path}`);
    const headers = { "content-location": location };
    const get = (_: unknown, from: URL) =>
      Promise.resolve({
        response: new Response(`${blob.digest} 0-99999\n`, { headers }),
        url: from,
      });
    const registry = { url, get, reason: () => Promise.resolve("") };
    const chunksums = chunksumsOf({
      registry,
      hints,
      insecure: false,
      lookup,
      chunkSize: 1,
    });
    assert.equal((await chunksums(name, blob, never()))?.length, 1);
    return hints.get(url(name, `blobs/${blob.digest}`).href)?.href;
  };
  for (
    const host of ["169.254.169.254", "127.0.0.1:8080", "[::1]", "192.168.0.1", "inside.example"]
  ) {
    assert.equal(await ask(`https://${host}/x`), undefined, host);
  }
  assert.equal(await ask("https://cdn.example/x?sign=1#y"), "https://cdn.example/x?sign=1");
  assert.equal(await ask("/elsewhere"), "https://registry.example/elsewhere");
});

Deno.test("a Content-Location that names the list itself is ignored", async () => {
  await using w = await chunkWorld();
  w.registry.faults.chunksums = ({ path }) => ({ headers: { "content-location": path } });
  assert.equal((await w.ask())?.length, 5);
  await w.fetched();
  assert.deepEqual(w.asked(), ["chunksums", "blobs"]);
});

Deno.test("the token for the manifest is used for the chunk list", async () => {
  await using w = await authWorld({ fake: { chunkLength: LENGTH }, source: { chunkSize: MiB } });
  const server = demandTokens(w.registry, { keys: [PUBLIC] });
  w.registry.faults.chunksums = w.registry.faults.blob;
  const manifest = await w.source.manifest(w.name, never());
  assert.equal((await w.source.chunksums(w.name, manifest.layers[0]!, never()))?.length, 4);
  assert.equal(server.issued, 1);
});

Deno.test("case 64: a registry that rejects its own tokens for chunk lists is asked once", async () => {
  await using w = await authWorld({ fake: { chunkLength: LENGTH }, source: { chunkSize: MiB } });
  const server = demandTokens(w.registry, { keys: [PUBLIC] });
  const realm = `Bearer realm="${w.registry.url}/token",service="fake",scope="x"`;
  w.registry.faults.chunksums = () => challenged(realm);
  const { layers: [blob] } = await w.source.manifest(w.name, never());
  for (let k = 0; k < 3; k++) {
    assert.equal(await w.source.chunksums(w.name, blob!, never()), undefined);
  }
  const paths = w.registry.requests.map(({ path }) => path);
  assert.equal(paths.filter((path) => path.includes("chunksums")).length, 2);
  assert.ok(server.asked.length <= 2, `${server.asked.length} logins`);
  await w.blob();
});

Deno.test("an abort does not wait for the chunk list", async () => {
  await using w = await chunkWorld();
  const attempt = new AbortController();
  const reason = new PullamaError("interrupted", "aborted");
  for (const fault of [{ delayMs: Infinity }, stallAfter(100)]) {
    w.registry.faults.chunksums = () => {
      attempt.abort(reason);
      return fault;
    };
    const asked = w.source.chunksums(w.name, w.blob, attempt.signal);
    assert.equal(await failureOf(asked), reason);
  }
  delete w.registry.faults.chunksums;
  assert.equal((await w.ask())?.length, 5, "an abort is not a refusal");
  assert.deepEqual(w.notes, []);
});

Deno.test("a host without a chunk list for one model is not asked for another", async () => {
  await using w = await chunkWorld({ chunkLength: 0 });
  await w.ask();
  await w.source.chunksums(nameAt(w.registry, "library/other:latest"), w.blob, never());
  assert.deepEqual(w.asked(), ["chunksums"]);
});
