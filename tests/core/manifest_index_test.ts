import assert from "node:assert/strict";
import { digestOf } from "../../src/core/digest.ts";
import { parseManifest } from "../../src/core/manifest.ts";
import { type ManifestIndex, selectChild } from "../../src/core/manifest_index.ts";

const DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json";
const OCI_INDEX = "application/vnd.oci.image.index.v1+json";
const OLLAMA_LIST = "application/vnd.ollama.manifest.list.v2+json";
const MANIFEST = "application/vnd.docker.distribution.manifest.v2+json";
const ID = digestOf("f".repeat(64));
const LINUX = { os: "linux", arch: "x86_64" };
const APPLE = { os: "darwin", arch: "aarch64" };

const child = (n: number) => digestOf(String(n).padStart(64, "0"));
const entry = (n: number, os?: string, architecture?: string) => ({
  mediaType: MANIFEST,
  digest: child(n),
  size: 500,
  ...(os !== undefined && { platform: { os, architecture } }),
});
const runs = (n: number, runner: string) => ({ mediaType: MANIFEST, digest: child(n), runner });

function index(content: unknown): ManifestIndex {
  const read = parseManifest(new TextEncoder().encode(JSON.stringify(content)), ID);
  assert("entries" in read, "not recognized as an index");
  return read;
}

function choice(content: unknown, machine = LINUX): string {
  return selectChild(index(content), machine).digest;
}

Deno.test("case 22: selectChild() picks the linux/amd64 entry of a Docker manifest list", () => {
  const manifests = [
    entry(1, "linux", "arm64"),
    entry(2, "linux", "amd64"),
    entry(3, "windows", "amd64"),
  ];
  const list = index({ schemaVersion: 2, mediaType: DOCKER_LIST, manifests });
  assert.deepEqual(selectChild(list, LINUX), {
    mediaType: MANIFEST,
    digest: child(2),
    size: 500,
    platform: { os: "linux", architecture: "amd64" },
  });
  assert.equal(selectChild(list, APPLE).digest, child(2));
});

Deno.test("case 22: selectChild() picks the only entry of an index", () => {
  for (const mediaType of [OCI_INDEX, DOCKER_LIST, undefined]) {
    assert.equal(choice({ mediaType, manifests: [entry(1)] }), child(1));
    assert.equal(choice({ mediaType, manifests: [entry(1, "", "")] }), child(1));
    assert.equal(choice({ mediaType, manifests: [{ ...entry(1), platform: null }] }), child(1));
  }
  const attested = [entry(1), entry(2, "unknown", "unknown")];
  assert.equal(choice({ mediaType: OCI_INDEX, manifests: attested }), child(1));
});

Deno.test("case 22: selectChild() refuses an index with several matching entries, or none, as multi-platform", () => {
  const lists = [
    [entry(1), entry(2)],
    [entry(1), entry(2, "linux", "amd64")],
    [entry(1, "linux", "arm64")],
    [entry(1, "linux", "")],
    [entry(1, "", "amd64")],
    [],
  ];
  for (const manifests of lists) {
    assert.throws(() => choice({ mediaType: OCI_INDEX, manifests }), {
      kind: "manifest",
      message: "cannot use the manifest: it is a multi-platform index, not a model",
    });
  }
});

Deno.test("selectChild() picks by runner in Ollama's lists, mlx first on Apple silicon", () => {
  const all = [runs(1, "mlx"), runs(2, "llamacpp"), runs(3, "ollama"), runs(4, "ollama")];
  const list = (manifests: unknown) => ({ mediaType: OLLAMA_LIST, manifests });
  assert.equal(choice(list(all)), child(3));
  assert.equal(choice(list(all.slice(0, 2))), child(2));
  assert.equal(choice(list(all.slice(0, 1))), child(1));
  assert.equal(choice(list(all), APPLE), child(1));
  assert.equal(choice(list(all.slice(1)), APPLE), child(3));
  for (const machine of [{ os: "darwin", arch: "x86_64" }, { os: "linux", arch: "aarch64" }]) {
    assert.equal(choice(list(all), machine), child(3));
  }
  assert.throws(() => choice(list([runs(1, "vllm"), entry(2)])), { kind: "manifest" });
});

Deno.test("parseManifest() recognizes an index by media type, or by manifests without layers", () => {
  const manifests = [entry(1)];
  const layers = [{ mediaType: "", digest: child(2), size: 5 }];
  assert.equal(index({ manifests }).selectBy, "platform");
  assert.equal(index({ manifests: [runs(1, "mlx")] }).selectBy, "runner");
  assert.equal(index({ mediaType: DOCKER_LIST, manifests: [runs(1, "x")] }).selectBy, "platform");
  assert.equal(index({ mediaType: MANIFEST, manifests, layers: null }).selectBy, "platform");
  assert.equal(index({ mediaType: OCI_INDEX, manifests, layers }).entries.length, 1);
  const both = new TextEncoder().encode(JSON.stringify({ manifests, layers }));
  assert("layers" in parseManifest(both, ID));
});

Deno.test("parseManifest() keeps the bytes and the digest of an index", () => {
  const bytes = new TextEncoder().encode(` ${JSON.stringify({ manifests: [entry(1)] })}\n`);
  const read = parseManifest(bytes, ID);
  assert.equal(read.bytes, bytes);
  assert.equal(read.digest, ID);
});

Deno.test("parseManifest() validates the entries of an index like layers", () => {
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{ digest: "sha256:../x" }, /entry 2: unsupported digest/],
    [{ digest: null }, /entry 2 has no digest/],
    [{ size: -5 }, /entry 2: invalid size/],
    [{ mediaType: 1 }, /entry 2 has an invalid mediaType: 1,/],
    [{ runner: {} }, /entry 2 has an invalid runner: an object,/],
    [{ platform: "linux" }, /platform of entry 2 is "linux", not an object/],
    [{ platform: { os: 5 } }, /entry 2 has an invalid os: 5,/],
  ];
  for (const [change, message] of wrong) {
    const manifests = [entry(1), { ...entry(2), ...change as object }];
    assert.throws(() => index({ manifests }), { kind: "manifest", message });
  }
  assert.throws(() => index({ manifests: [null] }), {
    kind: "manifest",
    message: /entry 1 is null/,
  });
  assert.throws(() => index({ manifests: {} }), { kind: "manifest", message: /not an array/ });
  assert.throws(() => index({ mediaType: OCI_INDEX }), {
    kind: "manifest",
    message: /not an array/,
  });
  assert.throws(() => index({ schemaVersion: 1, manifests: [] }), { message: /schema 1/ });
});
