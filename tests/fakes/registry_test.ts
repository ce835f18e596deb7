import assert from "node:assert/strict";
import { EMPTY_DIGEST } from "../../src/core/digest.ts";
import { digestOfContent, held, joined, noise, wholeOf } from "./content.ts";
import { closeAfter, resetAfter, stallAfter } from "./faults.ts";
import { pacer } from "./pace.ts";
import { makeModel } from "./model.ts";
import { startRegistry } from "./registry.ts";

const MiB = 1 << 20;

/** Reads to the end; the number of bytes received, and whether the read failed. */
async function drink(response: Response): Promise<{ bytes: number; failed: boolean }> {
  let bytes = 0;
  try {
    for await (const piece of response.body!) bytes += piece.length;
  } catch {
    return { bytes, failed: true };
  }
  return { bytes, failed: false };
}

Deno.test("noise() has the same bytes for reads at any offset", () => {
  const content = noise(3 * MiB + 5, 7);
  const all = wholeOf(content);
  for (const [at, length] of [[0, 1], [3, 2], [MiB - 3, 7], [2 * MiB + 1, MiB], [3 * MiB, 5]]) {
    assert.deepEqual(content.read(at!, length!), all.subarray(at!, at! + length!));
  }
  assert.notDeepEqual(all.subarray(0, MiB), all.subarray(MiB, 2 * MiB));
  assert.notDeepEqual(all.subarray(0, MiB), wholeOf(noise(MiB, 8)));
});

Deno.test("joined() reads across its parts", () => {
  const content = joined([held("ab"), held(""), held("cde"), held("f")]);
  assert.equal(new TextDecoder().decode(content.read(1, 4)), "bcde");
  assert.equal(digestOfContent(held("")), EMPTY_DIGEST);
});

Deno.test("makeModel() creates weights of at least the given size", () => {
  for (const size of [0, 200_000, 5 * MiB]) {
    const { weights } = makeModel({ size });
    assert.ok(weights.size >= size && weights.size < Math.max(size, 150_000) + 1000);
    assert.equal(new TextDecoder().decode(weights.read(0, 4)), "GGUF");
  }
});

Deno.test("startRegistry() serves ranges of a blob and counts each byte", async () => {
  await using registry = await startRegistry();
  const content = noise(MiB);
  const digest = registry.addBlob(content);
  const url = `${registry.url}/v2/a/b/blobs/${digest}`;
  const part = await fetch(url, { headers: { range: "bytes=10-19" } });
  assert.equal(part.status, 206);
  assert.equal(part.headers.get("content-range"), `bytes 10-19/${MiB}`);
  assert.deepEqual(new Uint8Array(await part.arrayBuffer()), content.read(10, 10));
  const beyond = await fetch(url, { headers: { range: `bytes=${MiB}-` } });
  assert.equal(beyond.status, 416);
  await beyond.body?.cancel();
  assert.equal(registry.served(digest), 10);
  assert.deepEqual(registry.requests.map((request) => request.status), [206, 416]);
  assert.deepEqual(registry.requests[0]!.range, { start: 10, end: 20 });
});

Deno.test("startRegistry() keeps connections alive", async () => {
  await using registry = await startRegistry();
  const url = `${registry.url}/v2/a/b/blobs/${registry.addBlob("hello")}`;
  for (let k = 0; k < 3; k++) assert.equal(await (await fetch(url)).text(), "hello");
  assert.equal(registry.connections, 1);
});

Deno.test("startRegistry() signs URLs at the blob host and lets them expire", async () => {
  await using registry = await startRegistry({ blobHosts: 2 });
  const digest = registry.addBlob("hello");
  const resolve = async () => {
    const url = `${registry.url}/v2/a/b/blobs/${digest}`;
    const response = await fetch(url, { redirect: "manual" });
    await response.body?.cancel();
    return new URL(response.headers.get("location")!);
  };
  const first = await resolve();
  const second = await resolve();
  assert.deepEqual([first.host, second.host], registry.blobHosts);
  assert.equal(await (await fetch(first)).text(), "hello");
  registry.expireAddresses();
  const late = await fetch(first);
  assert.equal(late.status, 403);
  assert.match(await late.text(), /ExpiredRequest/);
  assert.equal(await (await fetch(await resolve())).text(), "hello");
  second.searchParams.set("X-Amz-Expires", "999999");
  const forged = await fetch(second);
  assert.match(await forged.text(), /SignatureDoesNotMatch/);
});

for (const [how, fault] of [["reset", resetAfter], ["close", closeAfter]] as const) {
  Deno.test(`a ${how} happens after exactly the given number of bytes`, async () => {
    await using registry = await startRegistry();
    const digest = registry.addBlob(noise(8 * MiB));
    registry.faults.data = () => fault(3 * MiB);
    const response = await fetch(`${registry.url}/v2/a/b/blobs/${digest}`);
    assert.deepEqual(await drink(response), { bytes: 3 * MiB, failed: true });
    assert.equal(registry.served(digest), 3 * MiB);
    assert.equal(await registry.requests[0]!.over, "broken");
  });
}

Deno.test("a stalled connection ends when the client disconnects", async () => {
  await using registry = await startRegistry();
  const digest = registry.addBlob(noise(MiB));
  registry.faults.data = () => stallAfter(1000);
  const response = await fetch(`${registry.url}/v2/a/b/blobs/${digest}`);
  const reader = response.body!.getReader();
  let bytes = 0;
  while (bytes < 1000) bytes += (await reader.read()).value!.length;
  await reader.cancel();
  await registry.requests[0]!.closed;
  assert.equal(bytes, 1000);
});

Deno.test("close() ends waiting, stalled and idle connections", async () => {
  const registry = await startRegistry();
  const digest = registry.addBlob(noise(MiB));
  registry.faults.data = () => stallAfter(1000);
  registry.faults.other = () => ({ delayMs: Infinity });
  const idle = await fetch(`${registry.url}/v2/a/b/manifests/c`);
  await idle.body?.cancel();
  const stalled = await fetch(`${registry.url}/v2/a/b/blobs/${digest}`);
  const waiting = fetch(`${registry.url}/nothing`).then(() => "answered", () => "failed");
  while (registry.requests.length < 3) await new Promise((resolve) => setTimeout(resolve, 1));
  await registry.close();
  assert.equal(await waiting, "failed");
  assert.ok((await drink(stalled)).failed);
});

Deno.test("faults make a body chunked, compressed, too long or wrong", async () => {
  await using registry = await startRegistry();
  const content = noise(300_000);
  const url = `${registry.url}/v2/a/b/blobs/${registry.addBlob(content)}`;
  registry.faults.data = () => ({ chunked: true, extraBytes: 5, flipAt: 299_999 });
  const chunked = new Uint8Array(await (await fetch(url)).arrayBuffer());
  assert.equal(chunked.length, 300_005);
  assert.deepEqual(chunked.subarray(0, 299_999), content.read(0, 299_999));
  assert.equal(chunked[299_999]! ^ 1, content.read(299_999, 1)[0]);
  registry.faults.data = () => ({ gzip: true });
  const unpacked = new Uint8Array(await (await fetch(url)).arrayBuffer());
  assert.deepEqual(unpacked, wholeOf(content));
});

Deno.test("pacer() spreads bytes over time and makes up for a late timer", () => {
  let now = 5000;
  const pace = pacer(1000, () => now);
  assert.equal(pace.piece, 10);
  assert.equal(pace.take(10), 0);
  assert.equal(Math.round(pace.take(100)), 0);
  assert.equal(Math.round(pace.take(100)), 90);
  now += 190;
  assert.equal(Math.round(pace.take(100)), 0);
  now += 60_000;
  assert.equal(pace.take(500), 0);
  assert.equal(Math.round(pace.take(1)), 480);
  assert.equal(pacer(0.05).piece, 1);
});

Deno.test("a slow server delivers everything", async () => {
  await using registry = await startRegistry({ bytesPerSecond: 10 * MiB });
  const url = `${registry.url}/v2/a/b/blobs/${registry.addBlob(noise(MiB / 2))}`;
  const results = await Promise.all([fetch(url).then(drink), fetch(url).then(drink)]);
  assert.deepEqual(results, Array(2).fill({ bytes: MiB / 2, failed: false }));
});

Deno.test("a manifest is served only if its media type is accepted", async () => {
  await using registry = await startRegistry();
  const model = registry.add("library/tiny:latest", { layers: [{ mediaType: "x", content: "y" }] });
  const url = `${registry.url}/v2/library/tiny/manifests`;
  const refused = await fetch(`${url}/latest`);
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /MANIFEST_INVALID/);
  const accept = "application/vnd.docker.distribution.manifest.v2+json";
  for (const reference of ["latest", model.digest]) {
    const shown = await fetch(`${url}/${reference}`, { headers: { accept } });
    assert.deepEqual(new Uint8Array(await shown.arrayBuffer()), model.manifest);
  }
});
