import assert from "node:assert/strict";
import fc from "fast-check";
import { digestOf, EMPTY_DIGEST } from "../../src/core/digest.ts";
import { PullamaError } from "../../src/core/errors.ts";
import {
  distinctBlobs,
  type Manifest,
  manifestSize,
  MAX_MANIFEST_BYTES,
  parseManifest,
} from "../../src/core/manifest.ts";

const DOCKER = "application/vnd.docker.distribution.manifest.v2+json";
const OCI = "application/vnd.oci.image.manifest.v1+json";
const CONFIG_TYPE = "application/vnd.docker.container.image.v1+json";
const MODEL = "application/vnd.ollama.image.model";
const ID = digestOf("f".repeat(64));

/** The nth digest. */
const blob = (n: number) => digestOf(n.toString(16).padStart(64, "0"));
const layer = (n: number, size: unknown = 5) => ({ mediaType: MODEL, digest: blob(n), size });
const config = { mediaType: CONFIG_TYPE, digest: blob(0), size: 5 };

function bytesOf(content: unknown): Uint8Array {
  return new TextEncoder().encode(
    typeof content === "string" ? content : JSON.stringify(content),
  );
}

function read(content: unknown): Manifest {
  const manifest = parseManifest(bytesOf(content), ID);
  assert("layers" in manifest, "parsed as an index");
  return manifest;
}

function refusal(content: unknown): string {
  const bytes = content instanceof Uint8Array ? content : bytesOf(content);
  try {
    parseManifest(bytes, ID);
  } catch (error) {
    assert(error instanceof PullamaError, String(error));
    assert.equal(error.kind, "manifest");
    assert.match(error.message, /^cannot use the manifest: /);
    assert(error.message.length < 300, `${error.message.length} characters`);
    assert.doesNotMatch(error.message, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]|\.$/u);
    return error.message;
  }
  assert.fail("accepted");
}

Deno.test("parseManifest() keeps the bytes unchanged and parses them", () => {
  const bytes = bytesOf(
    `\r\n\t{"layers" : [ {"name":"t.0","size":7,"from":"/a","digest":"${blob(1)}",
    "mediaType":"${MODEL}","annotations":{"size":1.5}} ], "schemaVersion":2, "x":[{"y":null}],
    "config":${JSON.stringify(config)}, "mediaType":"${DOCKER}"}\n \n`,
  );
  const before = bytes.slice();
  const manifest = parseManifest(bytes, ID);
  assert.deepEqual(manifest, { bytes, digest: ID, config, layers: [layer(1, 7)] });
  assert.deepEqual(bytes, before);
});

Deno.test("parseManifest() accepts OCI manifests, and manifests without schemaVersion or mediaType", () => {
  assert.equal(read({ layers: [layer(1)] }).layers.length, 1);
  assert.equal(read({ mediaType: OCI, layers: [layer(1)] }).layers.length, 1);
  assert.equal(read({ mediaType: null, schemaVersion: null, layers: [layer(1)] }).layers.length, 1);
  assert.equal(read({ mediaType: "", schemaVersion: 2, layers: [layer(1)] }).layers.length, 1);
});

Deno.test("parseManifest() accepts layers of any media type, or without one", () => {
  const layers = [{ digest: blob(1), size: 1 }, { ...layer(2), mediaType: "text/x-unheard-of" }];
  assert.deepEqual(read({ layers }).layers.map((each) => each.mediaType), [
    "",
    "text/x-unheard-of",
  ]);
  assert.match(
    refusal({ layers: [{ ...layer(1), mediaType: 5 }] }),
    /layer 1 has an invalid mediaType: 5,/,
  );
});

Deno.test("parseManifest() accepts a stub with a config and no layers", () => {
  for (const layers of [[], null]) {
    assert.deepEqual(read({ config, layers }).config, config);
    assert.match(refusal({ layers }), /no layers and no config/);
    assert.match(refusal({ config: { digest: "" }, layers }), /no layers and no config/);
  }
  assert.match(refusal({ config }), /no layers/);
});

Deno.test("case 23: parseManifest() refuses a manifest larger than 16 MiB and accepts one of 16 MiB", () => {
  const text = JSON.stringify({ layers: [layer(1)] });
  const padded = (length: number) => bytesOf(text.padEnd(length));
  assert("layers" in parseManifest(padded(MAX_MANIFEST_BYTES), ID));
  assert.match(refusal(padded(MAX_MANIFEST_BYTES + 1)), /larger than 16 MiB/);
  assert.match(refusal(padded(17 * 1024 * 1024)), /larger than 16 MiB/);
});

Deno.test("case 24: parseManifest() refuses 10,000 and 10 million nested arrays without a stack overflow", () => {
  for (const count of [10_000, 10_000_000]) {
    assert.match(refusal("[".repeat(count)), /nested deeper than 32 levels/);
  }
  assert.match(refusal('{"a":'.repeat(1_000_000)), /nested deeper than 32 levels/);
  const nested = `${"[".repeat(10_000)}${"]".repeat(10_000)}`;
  assert.match(refusal(`{"layers":[${JSON.stringify(layer(1))}],"x":${nested}}`), /nested deeper/);
});

Deno.test("case 26: parseManifest() refuses content that is not a manifest", () => {
  const texts = [
    "{}",
    "[]",
    "null",
    "true",
    "5",
    '"{}"',
    "",
    " ",
    "\0",
    "{",
    '{"layers":[',
    "}",
    '}:"a":1',
  ];
  for (const text of texts) refusal(text);
  for (const text of ['{"layers":[]}{}', '{"layers":[]} x', "{'layers':[]}", '{"layers":[],}']) {
    assert.match(refusal(text), /not JSON/, text);
  }
  const whole = JSON.stringify({ schemaVersion: 2, config, layers: [layer(1)] });
  for (let end = 0; end < whole.length; end++) refusal(whole.slice(0, end));
  assert.match(refusal(`${whole}\0`), /not JSON/);
  assert.match(refusal(`\ufeff${whole}`), /not JSON/);
  assert.match(refusal(new Uint8Array([0x1f, 0x8b, 8, 0])), /not UTF-8/);
  assert.match(refusal(new Uint8Array([0x22, 0xc3, 0x22])), /not UTF-8/);
});

Deno.test("case 26: parseManifest() reports a web page in place of the manifest", () => {
  for (const page of ["<!DOCTYPE html><html>", "\r\n <html>"]) {
    assert.throws(() => parseManifest(bytesOf(page), ID), (error) => {
      assert(error instanceof PullamaError);
      assert.match(error.message, /the response is a web page$/);
      assert.match(error.hint ?? "", /check the proxy, or log in/);
      return true;
    });
  }
});

Deno.test("case 27: parseManifest() treats a null config and one with an empty digest as missing", () => {
  const layers = [layer(1)];
  const none = [{}, { config: null }, { config: { digest: "" } }, { config: {} }];
  for (const each of [...none, { config: { mediaType: "", digest: "", size: 0 } }]) {
    assert.equal("config" in read({ ...each, layers }), false);
  }
  assert.match(
    refusal({ config: { digest: "", size: "0" }, layers }),
    /config: invalid size "0"/,
  );
  assert.match(refusal({ config: "", layers }), /config is "", not an object/);
  assert.match(refusal({ config: [], layers }), /config is an array, not an object/);
  assert.match(refusal({ config: { digest: blob(1) }, layers }), /config has no size/);
});

Deno.test("case 28: parseManifest() refuses schema 1, other versions and unsupported media types", () => {
  const layers = [layer(1)];
  assert.match(refusal({ schemaVersion: 1, fsLayers: [] }), /schema 1 manifest/);
  assert.match(refusal({ schemaVersion: 1, layers }), /schema 1 manifest/);
  assert.match(refusal({ fsLayers: [{ blobSum: blob(1) }] }), /schema 1 manifest/);
  for (const schemaVersion of [0, 3, "2", true, [2], 2.5, -2]) {
    assert.match(refusal({ schemaVersion, layers }), /schemaVersion/);
  }
  const v1 = "application/vnd.docker.distribution.manifest.v1+json";
  assert.match(
    refusal({ mediaType: v1, layers }),
    /unsupported media type "application.*v1\+json"/,
  );
  assert.match(refusal({ mediaType: 2, layers }), /invalid mediaType: 2,/);
});

Deno.test("case 29: parseManifest() refuses a digest with a path traversal in a layer or the config", () => {
  const digest = "sha256:../../../../x";
  assert.match(
    refusal({ layers: [layer(1), { ...layer(2), digest }] }),
    /layer 2: unsupported digest "sha256:\.\.\/\.\.\/\.\.\/\.\.\/x"/,
  );
  assert.match(
    refusal({ config: { ...config, digest }, layers: [] }),
    /config: unsupported digest/,
  );
});

Deno.test("case 30: parseManifest() refuses a digest that is a path", () => {
  for (const path of ["sha256:/../../../id_ed25519", "/etc/passwd", "sha256:\0", "C:\\x"]) {
    assert.match(
      refusal({ layers: [{ ...layer(1), digest: path }] }),
      /layer 1: unsupported digest/,
    );
  }
});

Deno.test("case 31: parseManifest() refuses every digest but sha256 with 64 lower-case hex digits", () => {
  const hex = "ab".repeat(32);
  const digests = [
    ...[`sha512:${hex}${hex}`, `sha384:${hex}`, `sha256:${hex.slice(1)}`, `sha256:${hex}0`],
    ...[`sha256:${hex.toUpperCase()}`, `sha256-${hex}`, `SHA256:${hex}`, hex, ` sha256:${hex}`],
    ...[
      `sha256:${hex}\n`,
      `sha256:${"g".repeat(64)}`,
      "sha256:",
      "x".repeat(100_000),
      5,
      [],
      {},
      true,
    ],
  ];
  for (const digest of digests) {
    const message = refusal({ layers: [layer(1), layer(2), { ...layer(3), digest }] });
    assert.match(message, /layer 3: unsupported digest/);
  }
  for (const digest of ["", null, undefined]) {
    assert.match(refusal({ layers: [{ ...layer(1), digest }] }), /layer 1 has no digest/);
  }
});

Deno.test("case 32: parseManifest() refuses every size but an integer from 0 to 2^50", () => {
  const withSize = (size: string) => `{"layers":[{"digest":"${blob(1)}","size":${size}}]}`;
  const sizes = ["-1", "1.5", '"5"', "1e30", "9223372036854775808", "1125899906842625", "1e400"];
  for (const size of [...sizes, "true", "[]", "{}", "-1.0", "0.5e0", '"1e3"', "1e-3"]) {
    assert.match(refusal(withSize(size)), /layer 1: invalid size/, size);
  }
  assert.match(refusal(withSize("null")), /layer 1 has no size/);
  assert.equal(read(withSize("1125899906842624")).layers[0]?.size, 2 ** 50);
});

Deno.test("case 32: parseManifest() refuses a size in a notation that Ollama cannot read", () => {
  const odd = ["1e3", "5.0", "1E+3", "10e-1", "1000.000", "5.00000000000000000001", "-0"];
  for (const key of ["size", "s\\u0069ze"]) {
    const withSize = (size: string) => `{"layers":[{"digest":"${blob(1)}", "${key}" :\n${size} }]}`;
    for (const size of odd) assert.match(refusal(withSize(size)), /size is written as "/, size);
    assert.equal(read(withSize("12")).layers[0]?.size, 12);
  }
  assert.match(refusal(`{"schemaVersion":2.0,"layers":[]}`), /schemaVersion is written as "2\.0"/);
});

Deno.test("parseManifest() refuses sizes whose sum is not an exact number", () => {
  const layers = Array.from({ length: 8 }, (_, i) => layer(i + 1, 2 ** 50));
  assert.match(refusal({ layers }), /8 PiB/);
  assert.equal(manifestSize(read({ layers: layers.slice(1) })), 7 * 2 ** 50);
  const same = Array.from({ length: 100 }, () => layer(1, 2 ** 50));
  assert.equal(manifestSize(read({ layers: same })), 2 ** 50);
});

Deno.test("case 33: parseManifest() refuses one digest with two sizes", () => {
  const two = { layers: [layer(1), layer(2), layer(1, 6)] };
  assert.match(refusal(two), new RegExp(`${blob(1)} has two sizes, 5 and 6`));
  assert.match(
    refusal({ config: { ...config, size: 6 }, layers: [layer(0)] }),
    /two sizes, 6 and 5/,
  );
});

Deno.test("case 34: distinctBlobs() counts a digest in both config and layers once", () => {
  const manifest = read({ config, layers: [layer(2, 9), layer(0), layer(2, 9)] });
  assert.deepEqual(distinctBlobs(manifest), [config, layer(2, 9)]);
  assert.equal(manifestSize(manifest), 14);
  assert.equal(manifest.layers.length, 3);
});

Deno.test("case 35: parseManifest() accepts size 0 only with the digest of an empty blob, and vice versa", () => {
  const empty = { mediaType: MODEL, digest: EMPTY_DIGEST, size: 0 };
  assert.deepEqual(read({ layers: [empty] }).layers, [empty]);
  assert.match(refusal({ layers: [layer(1), layer(2, 0)] }), /layer 2: size 0/);
  assert.match(
    refusal({ layers: [{ ...empty, size: 3 }] }),
    /layer 1: size 3, but the digest of an empty blob/,
  );
});

Deno.test("case 36: parseManifest() reads 20,000 layers and validates the last one like the first", () => {
  const layers = Array.from({ length: 20_000 }, (_, i) => layer(20_000 - i, 4096 + i % 7));
  const manifest = read({ config, layers });
  assert.equal(manifest.layers.length, 20_000);
  const sizes = distinctBlobs(manifest).map((each) => each.size);
  assert.equal(sizes.length, 20_001);
  assert.deepEqual(sizes, sizes.toSorted((a, b) => a - b));
  layers[19_999]!.size = "4096";
  assert.match(refusal({ config, layers }), /layer 20000: invalid size "4096"/);
});

Deno.test("parseManifest() refuses layers that are not objects", () => {
  for (const element of [null, 5, "x", [], undefined]) {
    assert.match(refusal({ layers: [layer(1), element] }), /layer 2 is .*, not an object/);
  }
  for (const layers of [{}, "x", 5, true]) {
    assert.match(refusal({ layers }), /layers is .* not an array/);
  }
});

Deno.test("parseManifest() refuses duplicate layers and config keys, even if they are escaped", () => {
  const one = JSON.stringify([layer(1)]);
  const two = JSON.stringify([layer(2)]);
  for (const key of ["layers", "l\\u0061yers", "\\u006cayer\\u0073"]) {
    assert.match(refusal(`{"layers":${one},"${key}":${two}}`), /duplicate key "layers"/);
    assert.match(
      refusal(`{"${key}":${one}, "x":"\\"{[:", "layers" : ${two}}`),
      /duplicate key "layers"/,
    );
  }
  const other = JSON.stringify({ ...config, digest: blob(9) });
  const text = `{"config":${JSON.stringify(config)},"layers":${one},"config":${other}}`;
  assert.match(refusal(text), /duplicate key "config"/);
});

Deno.test("parseManifest() refuses a duplicate digest, size or name in one layer", () => {
  const keys = [`"digest":"${blob(2)}"`, '"size":6', '"n\\u0061me":"b"', '"mediaType":null'];
  for (const key of keys) {
    const first = `"digest":"${blob(1)}","size":5,"mediaType":"${MODEL}","name":"a"`;
    assert.match(refusal(`{"layers":[{${first},${key}}]}`), /duplicate key/);
    assert.equal(read(`{"layers":[{${first},"x":{${key}},"y":{${key}}}]}`).layers.length, 1);
  }
});

Deno.test("parseManifest() accepts strings that look like keys or brackets", () => {
  const layers = JSON.stringify([layer(1)]);
  const texts = [
    `{"layers":${layers},"x":{"layers":[],"config":1},"y":[{"layers":0}]}`,
    `{"x":"layers","layers":${layers},"z":"\\"layers\\":"}`,
    `{"x":"\\\\","layers":${layers},"y":"\\\\\\"","z":"${"[{".repeat(100)}"}`,
    `{"layer\\\\s":1,"layers":${layers}}`,
  ];
  for (const text of texts) assert.equal(read(text).layers.length, 1, text);
});

Deno.test("parseManifest() refuses keys that differ only in case from those that Ollama reads", () => {
  const layers = [layer(1)];
  assert.match(
    refusal({ config, layers: [], Layers: layers }),
    /has the key "Layers" instead of "layers"/,
  );
  assert.match(refusal({ config, layers: [], "layer\u017f": layers }), /instead of "layers"/);
  assert.match(refusal({ layers, CONFIG: config }), /has the key "CONFIG" instead of "config"/);
  assert.match(
    refusal({ layers: [{ ...layer(1), Digest: blob(2) }] }),
    /layer 1 has the key "Digest" instead of "digest"/,
  );
  assert.match(
    refusal({ config: { ...config, Size: 9 }, layers }),
    /config has the key "Size" instead of "size"/,
  );
});

Deno.test("parseManifest() refuses fields that Ollama could not read", () => {
  const layers = [layer(1)];
  assert.match(refusal({ layers: [{ ...layer(1), name: 5 }] }), /layer 1 has an invalid name: 5,/);
  assert.match(
    refusal({ layers: [{ ...layer(1), from: [] }] }),
    /layer 1 has an invalid from: an array,/,
  );
  assert.match(
    refusal({ config: { digest: "", name: {} }, layers }),
    /config has an invalid name: an object,/,
  );
  assert.equal(read({ layers: [{ ...layer(1), name: null, from: "", urls: 5 }] }).layers.length, 1);
});

Deno.test("distinctBlobs() sorts by size, smallest first, and keeps the order of equal sizes", () => {
  const layers = [layer(3, 7), layer(1, 2), layer(2, 7), layer(3, 7), layer(4, 1)];
  const order = distinctBlobs(read({ config, layers })).map((each) => each.digest);
  assert.deepEqual(order, [blob(4), blob(1), blob(0), blob(3), blob(2)]);
});

const hostileDescriptor = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom<unknown>(layer(1), layer(2, 6), layer(1, 6), config, null),
  },
  fc.record({
    mediaType: fc.oneof(fc.string(), fc.jsonValue()),
    digest: fc.oneof(
      fc.constantFrom<string>(blob(1), EMPTY_DIGEST, "sha256:..", ""),
      fc.jsonValue(),
    ),
    size: fc.oneof(fc.maxSafeNat(), fc.double(), fc.constantFrom(0, -1, "5"), fc.jsonValue()),
  }, { requiredKeys: [] }),
);
const hostile = fc.record({
  schemaVersion: fc.oneof(fc.constant(2), fc.jsonValue()),
  mediaType: fc.oneof(fc.constantFrom(DOCKER, OCI), fc.string()),
  config: hostileDescriptor,
  layers: fc.oneof(fc.array(hostileDescriptor), fc.jsonValue()),
  manifests: fc.oneof(fc.array(hostileDescriptor), fc.jsonValue()),
}, { requiredKeys: [] });

Deno.test("parseManifest() throws nothing but kind manifest, and accepts only valid blobs", () => {
  const text = fc.oneof(
    { weight: 4, arbitrary: hostile.map((each) => JSON.stringify(each)) },
    fc.json(),
    fc.string({ unit: fc.constantFrom(...'{}[]:,"\\u0041layersconfig 12.e-') }),
  );
  fc.assert(
    fc.property(text, (content) => {
      let manifest;
      try {
        manifest = parseManifest(bytesOf(content), ID);
      } catch (error) {
        assert(error instanceof PullamaError && error.kind === "manifest", String(error));
        return;
      }
      if (!("layers" in manifest)) return;
      for (const each of distinctBlobs(manifest)) {
        assert.match(each.digest, /^sha256:[0-9a-f]{64}$/);
        assert(Number.isInteger(each.size) && each.size >= 0 && each.size <= 2 ** 50);
        assert.equal(each.size === 0, each.digest === EMPTY_DIGEST);
      }
    }),
    { numRuns: 2000 },
  );
  fc.assert(fc.property(fc.uint8Array(), (bytes) => {
    assert.throws(() => parseManifest(bytes, ID), { kind: "manifest" });
  }));
});

Deno.test("parseManifest() is quick with a long key before very many colons", () => {
  const key = `"\\u0061${"a".repeat(4 << 20)}"`;
  for (const text of [`{${key}${":".repeat(4 << 20)}`, `{${key}${":0".repeat(2 << 20)}}`]) {
    assert.match(refusal(text), /it is not JSON/);
  }
});
