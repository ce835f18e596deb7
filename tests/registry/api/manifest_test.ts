import assert from "node:assert/strict";
import { digestOf } from "../../../src/core/digest.ts";
import { remedyOf } from "../../../src/core/errors.ts";
import { typesFor } from "../../../src/registry/api/manifest.ts";
import { type Fault, htmlPage, jsonAnswer, registryError, stallAfter } from "../../fakes/faults.ts";
import { DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from "../../fakes/manifests.ts";
import { failureOf, nameAt, never, world } from "../world.ts";

const layers = [{ mediaType: "application/vnd.ollama.image.model", content: "weights" }];
const LINUX = { os: "linux", architecture: "amd64" };

Deno.test("case 11: a registry that requires Accept returns the manifest", async () => {
  await using w = await world(10);
  const manifest = await w.source.manifest(w.name, never());
  assert.equal(manifest.layers[0]!.digest, w.blob.digest);
  assert.equal(w.registry.requests[0]!.headers.get("accept-encoding"), "identity");
});

Deno.test("case 12: the bytes of a manifest are preserved", async () => {
  await using w = await world(10);
  const layer = JSON.stringify({ ...w.blob, name: "t", from: "/x", urls: [] });
  const text = ` { "annotations" : {"a":1},\n"schemaVersion":2, "layers" : [${layer}] }\n\n`;
  const model = w.registry.add("library/odd:latest", { manifest: text });
  const manifest = await w.source.manifest(nameAt(w.registry, "library/odd:latest"), never());
  assert.equal(new TextDecoder().decode(manifest.bytes), text);
  assert.equal(manifest.digest, model.digest);
});

Deno.test("case 13: the Content-Type of a manifest is ignored", async () => {
  await using w = await world(10);
  w.registry.faults.manifest = () => ({ headers: { "content-type": "text/plain" } });
  await w.source.manifest(w.name, never());
});

const refusals: readonly [string, Fault, string, RegExp][] = [
  [
    "case 14",
    registryError(404, "MANIFEST_UNKNOWN", "manifest unknown"),
    "not_found",
    /^model not found on /,
  ],
  [
    "case 15",
    jsonAnswer(400, { error: "The specified tag is not a valid quantization scheme." }),
    "not_found",
    /The specified tag is not a valid quantization scheme/,
  ],
  [
    "case 15",
    registryError(400, "MANIFEST_INVALID", "manifest invalid"),
    "refused",
    /manifest invalid/,
  ],
  [
    "case 16",
    { status: 412, body: "pulling manifest requires\u001b[2J\na newer version" },
    "refused",
    /pulling manifest requires \[2J a newer version/,
  ],
  [
    "case 19",
    htmlPage(502),
    "unavailable",
    /^\S+ is temporarily unavailable \(502\): an HTML page titled "Page"$/,
  ],
  [
    "case 17",
    registryError(500, "INTERNAL_ERROR", "internal error"),
    "unavailable",
    /internal error/,
  ],
  ["case 78", { status: 401 }, "auth", /model not found on .*, or authentication required/],
  ["otherwise", { status: 451 }, "refused", /legal reasons/],
  ["otherwise", { status: 406 }, "refused", /406/],
  ["otherwise", { status: 204 }, "protocol", /204/],
];
for (const [number, fault, kind, text] of refusals) {
  Deno.test(`${number}: status ${fault.status} for a manifest is an error of kind ${kind}`, async () => {
    await using w = await world(10);
    w.registry.faults.manifest = () => fault;
    const error = await failureOf(w.source.manifest(w.name, never()));
    assert.equal(error.kind, kind);
    assert.match(error.message, text);
    assert.ok(error.message.includes(w.registry.host));
    assert.equal(w.registry.requests.length, 1);
  });
}

Deno.test("a 403 for a manifest is final when repeated", async () => {
  await using w = await world(10);
  w.registry.faults.manifest = () => ({ status: 403 });
  assert.equal((await failureOf(w.source.manifest(w.name, never()))).kind, "unavailable");
  const error = await failureOf(w.source.manifest(w.name, never()));
  assert.equal(error.kind, "auth");
  assert.match(error.hint!, /proxy.*clock/);
});

Deno.test("case 18: Retry-After of the registry is reported", async () => {
  await using w = await world(10);
  const later = new Date(Date.now() + 86_400_000).toUTCString();
  for (
    const [value, least, most] of [["2", 2000, 2000], [later, 86_000_000, 86_400_000]] as const
  ) {
    w.registry.faults.manifest = () => ({ status: 429, headers: { "retry-after": value } });
    const error = await failureOf(w.source.manifest(w.name, never()));
    assert.equal(error.kind, "unavailable");
    assert.ok(error.retryAfterMs! >= least && error.retryAfterMs! <= most);
  }
});

Deno.test("case 21: an OCI manifest is requested and accepted", async () => {
  await using w = await world(10);
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, layers: [w.blob] });
  w.registry.add("library/oci:latest", { manifest });
  const found = await w.source.manifest(nameAt(w.registry, "library/oci:latest"), never());
  assert.equal(found.layers.length, 1);
  assert.equal(w.registry.requests.length, 1);
});

Deno.test("case 22: a Docker list is resolved by the registry, an index with one match by us, with two it fails", async () => {
  await using w = await world(10);
  const child = w.registry.add("library/m:child", { layers });
  const entry = { mediaType: DOCKER_MANIFEST, digest: child.digest, size: child.manifest.length };
  const index = (mediaType: string, ...manifests: object[]) =>
    JSON.stringify({ schemaVersion: 2, mediaType, manifests });
  const arm = { ...entry, digest: w.blob.digest, platform: { os: "linux", architecture: "arm64" } };
  const linux = { ...entry, platform: LINUX };
  w.registry.add("library/m:docker", { manifest: index(DOCKER_LIST, arm, linux) });
  w.registry.add("library/m:one", { manifest: index(OCI_INDEX, arm, linux) });
  w.registry.add("library/m:two", { manifest: index(OCI_INDEX, linux, linux) });

  for (const [tag, requests] of [["docker", 1], ["one", 3]] as const) {
    const before = w.registry.requests.length;
    const found = await w.source.manifest(nameAt(w.registry, `library/m:${tag}`), never());
    assert.deepEqual(found.bytes, child.manifest, tag);
    assert.equal(w.registry.requests.length - before, requests, tag);
  }
  const error = await failureOf(w.source.manifest(nameAt(w.registry, "library/m:two"), never()));
  assert.equal(error.kind, "manifest");
  assert.match(error.message, /multi-platform index/);
});

Deno.test("case 22: an index whose child is another index, of another size or missing is rejected", async () => {
  await using w = await world(10);
  const pointing = (digest: string, size: number) =>
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [{ digest, size }] });
  const child = w.registry.add("library/m:child", { layers });
  const inner = w.registry.add("library/m:inner", {
    manifest: pointing(child.digest, child.manifest.length),
  });
  const gone = digestOf("0".repeat(64));
  for (
    const [digest, size, kind] of [
      [inner.digest, inner.manifest.length, "manifest"],
      [child.digest, child.manifest.length + 1, "manifest"],
      [gone, 5, "not_found"],
    ] as const
  ) {
    w.registry.add("library/m:outer", { manifest: pointing(digest, size) });
    const failing = w.source.manifest(nameAt(w.registry, "library/m:outer"), never());
    assert.equal((await failureOf(failing)).kind, kind);
  }
});

Deno.test("a pinned manifest costs one request while its tag has it, and is fetched by digest after that", async () => {
  await using w = await world(10);
  const old = w.registry.add("library/pin:latest", { layers });
  const name = { ...nameAt(w.registry, "library/pin:latest"), digest: old.digest };
  const before = w.registry.requests.length;
  assert.deepEqual((await w.source.manifest(name, never())).bytes, old.manifest);
  assert.equal(w.registry.requests.length - before, 1);
  const now = w.registry.add("library/pin:latest", { layers: [...layers, ...layers] });
  assert.notEqual(now.digest, old.digest);
  assert.deepEqual((await w.source.manifest(name, never())).bytes, old.manifest);
  const paths = w.registry.requests.slice(before + 1).map(({ path }) => path.split("/").at(-1));
  assert.deepEqual(paths, ["latest", old.digest]);
});

Deno.test("a pin of a registry without manifests by digest names both, and a removed tag is not found", async () => {
  await using w = await world(10);
  const old = w.registry.add("library/pin:latest", { layers });
  const now = w.registry.add("library/pin:latest", { layers: [...layers, ...layers] });
  const name = { ...nameAt(w.registry, "library/pin:latest"), digest: old.digest };
  for (const status of [400, 401, 404, 405]) {
    w.registry.faults.manifest = ({ path }) => path.endsWith(old.digest) ? { status } : undefined;
    const error = await failureOf(w.source.manifest(name, never()));
    assert.equal(error.kind, "moved", `${status}`);
    assert.ok(error.message.includes(old.digest) && error.message.includes(now.digest));
  }
  w.registry.faults.manifest = () => ({ status: 404 });
  assert.equal((await failureOf(w.source.manifest(name, never()))).kind, "not_found");
  // What may pass is no answer about the digest.
  w.registry.faults.manifest = ({ path }) =>
    path.endsWith(old.digest) ? { status: 503 } : undefined;
  assert.equal((await failureOf(w.source.manifest(name, never()))).kind, "unavailable");
});

Deno.test("a name can be pinned to an index, and to the manifest for this machine in it", async () => {
  await using w = await world(10);
  const child = w.registry.add("library/m:child", { layers });
  const entry = { mediaType: DOCKER_MANIFEST, digest: child.digest, size: child.manifest.length };
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [{ ...entry, platform: LINUX }],
  });
  const index = w.registry.add("library/m:index", { manifest });
  for (const tag of ["index", "child"]) {
    for (const { digest } of [child, index]) {
      const name = { ...nameAt(w.registry, `library/m:${tag}`), digest };
      assert.deepEqual((await w.source.manifest(name, never())).bytes, child.manifest, tag);
    }
  }
});

Deno.test("case 117: a list with runners is resolved for the machine", async () => {
  await using w = await world(10, {}, { machine: { os: "darwin", arch: "aarch64" } });
  const mlx = w.registry.add("library/m:mlx", { layers });
  const other = { digest: w.blob.digest, runner: "ollama" };
  const mediaType = "application/vnd.ollama.manifest.list.v2+json";
  const manifests = [other, { digest: mlx.digest, runner: "mlx" }];
  w.registry.add("library/m:latest", { manifest: JSON.stringify({ mediaType, manifests }) });
  const found = await w.source.manifest(nameAt(w.registry, "library/m:latest"), never());
  assert.equal(found.digest, mlx.digest);
});

Deno.test("case 23: a manifest of 17 MiB is rejected", async () => {
  await using w = await world(10);
  w.registry.faults.manifest = () => ({ body: new Uint8Array(17 << 20).fill(0x20) });
  const error = await failureOf(w.source.manifest(w.name, never()));
  assert.equal(error.kind, "manifest");
  assert.match(error.message, /larger than 16 MiB/);
});

Deno.test("case 23: an endless manifest is cancelled at 16 MiB", async () => {
  await using w = await world(10);
  w.registry.faults.manifest = () => ({ body: "{", chunked: true, extraBytes: Infinity });
  const error = await failureOf(w.source.manifest(w.name, never()));
  assert.equal(error.kind, "manifest");
  assert.match(error.message, /larger than 16 MiB/);
  const [request] = w.registry.requests;
  await request!.closed;
  assert.ok(request!.sent < 40 << 20, `${request!.sent} bytes were sent`);
});

Deno.test("case 25: a manifest with another digest than announced is a digest mismatch", async () => {
  await using w = await world(10);
  const hex = "ab".repeat(32);
  for (
    const headers of [
      { "docker-content-digest": `sha256:${hex}` },
      { "docker-content-digest": undefined, "ollama-content-digest": hex },
    ]
  ) {
    w.registry.faults.manifest = () => ({ headers });
    const error = await failureOf(w.source.manifest(w.name, never()));
    assert.equal(error.kind, "digest");
    assert.notEqual(remedyOf(error.kind), "none");
    assert.ok(error.message.includes(hex));
  }
  w.registry.faults.manifest = () => ({ headers: { "docker-content-digest": "sha512:00" } });
  await w.source.manifest(w.name, never());
});

for (const text of ["{}", "[]", "null", "<!DOCTYPE html><html></html>", '{"layers":[', ""]) {
  Deno.test(`case 26: ${JSON.stringify(text)} is not a manifest`, async () => {
    await using w = await world(10);
    w.registry.faults.manifest = () => ({ status: 200, body: text });
    const error = await failureOf(w.source.manifest(w.name, never()));
    assert.equal(error.kind, "manifest");
    assert.match(error.message, /manifest/);
  });
}

Deno.test("a compressed manifest is rejected and can be retried", async () => {
  await using w = await world(10);
  w.registry.faults.manifest = () => ({ gzip: true });
  assert.equal((await failureOf(w.source.manifest(w.name, never()))).kind, "protocol");
});

Deno.test("case 55: a stalled manifest times out", async () => {
  await using w = await world(10, {}, { silenceMs: 100 });
  w.registry.faults.manifest = () => stallAfter(20);
  const error = await failureOf(w.source.manifest(w.name, never()));
  assert.equal(error.kind, "timeout");
  assert.match(error.message, /no data received from .* for 0\.1s/);
  await w.registry.requests[0]!.closed;
});

Deno.test("an abort interrupts the request for a manifest", async () => {
  await using w = await world(10);
  const attempt = new AbortController();
  w.registry.faults.manifest = () => {
    attempt.abort();
    return { delayMs: Infinity };
  };
  assert.equal((await failureOf(w.source.manifest(w.name, attempt.signal))).kind, "interrupted");
  assert.equal((await failureOf(w.source.manifest(w.name, attempt.signal))).kind, "interrupted");
});

Deno.test("typesFor() accepts only Docker manifests from registries that have no others", () => {
  assert.deepEqual(typesFor("registry.ollama.ai"), [DOCKER_MANIFEST]);
  assert.deepEqual(typesFor("HF.co"), [DOCKER_MANIFEST]);
  assert.deepEqual(typesFor("ghcr.io"), [DOCKER_MANIFEST, OCI_MANIFEST]);
});
