/**
 * Everything that is read of a registry's answers, given what is almost valid. What is accepted is right, what is not
 * is refused in a known way, and no answer sends us or our login elsewhere.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { addressKind } from "../../src/core/address.ts";
import { type Digest, EMPTY_DIGEST } from "../../src/core/digest.ts";
import { PullamaError } from "../../src/core/errors.ts";
import { distinctBlobs, parseManifest } from "../../src/core/manifest.ts";
import { selectChild } from "../../src/core/manifest_index.ts";
import { nameOfParts, parseName } from "../../src/core/name.ts";
import { total, union } from "../../src/core/ranges.ts";
import { checkResponse } from "../../src/registry/api/blob_response.ts";
import { readChunkList } from "../../src/registry/api/chunksums_format.ts";
import { tagsAmong } from "../../src/registry/api/hugging_face.ts";
import { expiryOf } from "../../src/registry/api/url_cache.ts";
import { parseChallenges } from "../../src/registry/auth/challenge.ts";
import { Secrets } from "../../src/registry/auth/redact.ts";
import { errorText } from "../../src/registry/http/error_body.ts";
import { RedirectingHttp } from "../../src/registry/http/redirects.ts";
import { retryAfter } from "../../src/registry/http/retry_after.ts";
import { damaged, damagedJson, damagedText, trials } from "../fakes/mutate.ts";
import { assertPrintable } from "../ui/printable.ts";

const digest = (n: number): Digest => `sha256:${n.toString(16).padStart(64, "a")}`;
const DOCKER = "application/vnd.docker.distribution.manifest.v2+json";
const MODEL = "application/vnd.ollama.image.model";
const CONFIG = {
  mediaType: "application/vnd.docker.container.image.v1+json",
  digest: digest(0),
  size: 7,
};
const LAYERS = [1, 2, 3].map((n) => ({ mediaType: MODEL, digest: digest(n), size: 1000 * n }));
const MANIFEST = { schemaVersion: 2, mediaType: DOCKER, config: CONFIG, layers: LAYERS };
const INDEX = {
  schemaVersion: 2,
  mediaType: "application/vnd.oci.image.index.v1+json",
  manifests: [1, 2].map((n) => ({
    mediaType: DOCKER,
    digest: digest(n),
    size: 500,
    platform: { os: n === 1 ? "linux" : "windows", architecture: "amd64" },
  })),
};
const ODD_DIGESTS = [
  JSON.stringify(EMPTY_DIGEST),
  JSON.stringify(digest(1).toUpperCase()),
  JSON.stringify(digest(1).replace("256", "512")),
  JSON.stringify(`${digest(1)}\n`),
  '"sha256:../../../../etc/passwd"',
];

/** What Go, whose decoder ignores case, and JavaScript both read: keys that occur once, in one spelling. */
function keysTwice(text: string): boolean {
  const top = JSON.parse(text);
  const objects = [top, top.config, ...(top.layers ?? [])].filter((one) => one);
  return objects.some((one) => {
    const keys = Object.keys(one).map((key) => key.toLowerCase());
    return ["layers", "config", "digest", "size", "mediatype"]
      .some((key) => keys.filter((other) => other === key).length > 1);
  });
}

Deno.test("a manifest that is almost valid is refused, or names blobs that can be verified", () => {
  fc.assert(
    fc.property(
      fc.oneof(damagedJson(MANIFEST, ODD_DIGESTS), damagedJson(INDEX, ODD_DIGESTS)),
      (bytes) => {
        try {
          const manifest = parseManifest(bytes, digest(9));
          assert.equal(manifest.bytes, bytes);
          if ("entries" in manifest) {
            return void selectChild(manifest, { os: "linux", arch: "x86_64" });
          }
          for (const { digest, size } of distinctBlobs(manifest)) {
            assert.match(digest, /^sha256:[0-9a-f]{64}$/);
            assert.ok(
              Number.isSafeInteger(size) && size >= 0 && (size === 0) === (digest === EMPTY_DIGEST),
            );
          }
          const text = new TextDecoder().decode(bytes);
          assert.ok(!keysTwice(text), text);
          const { layers } = JSON.parse(text);
          assert.deepEqual(
            manifest.layers.map(({ size }) => size),
            (layers ?? []).map((one: { size: number }) => one.size),
          );
        } catch (error) {
          assert.ok(error instanceof PullamaError && error.kind === "manifest", String(error));
          assert.ok(error.message.length < 500, error.message);
          assertPrintable(error.message, "manifest");
        }
      },
    ),
    trials(300, 20_000),
  );
});

const CHUNK = 65_536;
const BLOB = { mediaType: MODEL, digest: digest(1), size: 3 * CHUNK + 5 };
const LIST = [[0, CHUNK], [CHUNK, 2 * CHUNK], [2 * CHUNK, 3 * CHUNK], [3 * CHUNK, BLOB.size]]
  .map(([start, end], n) => `${digest(n)} ${start}-${end! - 1}\n`).join("");

async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

Deno.test("a chunk list that is almost valid is refused, or covers the blob exactly", async () => {
  await fc.assert(
    fc.asyncProperty(
      damagedText(LIST, [digest(1), " ", "\n", "-", digest(2).toUpperCase()]),
      fc.constantFrom(1, 2, 77, 10_000),
      async (bytes, length) => {
        const list = await readChunkList(inPieces(bytes, length), BLOB);
        if ("problem" in list) return assertPrintable(list.problem, "chunk list");
        assert.deepEqual(union(list.chunks), [{ start: 0, end: BLOB.size }]);
        assert.equal(total(list.chunks), BLOB.size);
      },
    ),
    trials(200, 10_000),
  );
});

const HEADERS = ["content-range", "content-length", "content-type", "content-encoding"] as const;
const RANGE = { start: CHUNK, end: 2 * CHUNK };

Deno.test("of a response to a request for a range only bytes of that range are accepted", () => {
  const text = (valid: string, ...pieces: string[]) =>
    fc.oneof(
      fc.constant(valid),
      fc.constant(undefined),
      damagedText(valid, ["bytes", "*", "/", "-", ",", ...pieces]).map((bytes) =>
        new TextDecoder("latin1").decode(bytes).replaceAll(/[^\x20-\x7e]/g, "").trim()
      ),
    );
  fc.assert(
    fc.property(
      fc.constantFrom(200, 206, 206, 206, 204, 205, 226, 301, 304, 400, 416, 501, 999),
      text(`bytes ${RANGE.start}-${RANGE.end - 1}/${BLOB.size}`),
      text(String(RANGE.end - RANGE.start), String(BLOB.size)),
      text("application/octet-stream", "multipart/byteranges", "text/html"),
      text("identity", "gzip", "br", "zstd"),
      fc.boolean(),
      fc.boolean(),
      (status, ...rest) => {
        const [withRange, atHome] = rest.slice(4) as [boolean, boolean];
        const headers = new Headers();
        HEADERS.forEach((name, i) => {
          if (typeof rest[i] === "string") headers.set(name, rest[i]);
        });
        const range = withRange ? RANGE : { start: 0, end: BLOB.size };
        const verdict = checkResponse(status, headers, { blob: BLOB, range, withRange, atHome }, 0);
        if (!verdict.ok) return assertPrintable(verdict.does, "response");
        const length = headers.get("content-length");
        const { start, end } = verdict.range;
        if (length !== null) assert.equal(Number(length), end - start);
        if (status === 200) return assert.deepEqual(verdict.range, { start: 0, end: BLOB.size });
        assert.equal(status, 206);
        assert.ok(start === range.start && start < end && end <= range.end);
      },
    ),
    trials(800, 30_000),
  );
});

const LOCATIONS = [
  "https://blobs.example/a/b?X-Amz-Signature=s&X-Amz-Date=20260101T000000Z&X-Amz-Expires=300",
  "/v2/library/tiny/blobs/here",
  "../other",
];
const TURNS = [
  ...[
    "http:",
    "https:",
    "//",
    "\\\\",
    "@",
    "user:pass@",
    "file:///etc/passwd",
    "javascript:",
    "data:,x",
  ],
  ...["127.0.0.1", "127.1", "0x7f.1", "[::1]", "[::ffff:10.0.0.1]", "localhost", "169.254.169.254"],
  ...["2130706433", "0", "10.0.0.1", "inside.example", "https://registry.example", "?", "#", "%2f"],
];
const HOME = "https://registry.example";
/** One name that leads into a private network, and others that do not. */
const lookup = (host: string) =>
  Promise.resolve([host.endsWith("inside.example") ? "192.168.7.7" : "8.8.8.8"]);

Deno.test("no redirect leads into a network, to plain http or on for ever, or carries the login away", async () => {
  const location = fc.constantFrom(...LOCATIONS).chain((valid) => damagedText(valid, TURNS))
    .map((bytes) => new TextDecoder().decode(bytes).replaceAll(/[^\x20-\x7e]/g, "").trim());
  await fc.assert(
    fc.asyncProperty(fc.array(location, { minLength: 1, maxLength: 14 }), async (locations) => {
      const asked: URL[] = [];
      const http = {
        forwarderOf: () => undefined,
        send: (url: URL, { headers = {} }: { headers?: Readonly<Record<string, string>> }) => {
          const location = locations[asked.length];
          asked.push(url);
          assert.equal(headers.authorization !== undefined, url.origin === HOME, url.href);
          const status = location === undefined ? 200 : 307;
          return Promise.resolve(
            new Response(null, { status, headers: location ? { location } : {} }),
          );
        },
      };
      const following = new RedirectingHttp(http, { insecure: false, lookup });
      const { signal } = new AbortController();
      const request = { headers: {}, authorization: "Bearer t0k3n", registry: HOME, signal };
      const error = await following.send(new URL(`${HOME}/v2/`), request)
        .then(() => undefined, (error) => error);
      if (error !== undefined) {
        assert.ok(error instanceof PullamaError, String(error));
        assert.match(error.kind, /^(redirect|protocol)$/);
        assertPrintable(error.message, "redirect");
      }
      assert.ok(asked.length <= 11);
      for (const { protocol, hostname, username, password } of asked) {
        assert.deepEqual([protocol, username, password], ["https:", "", ""]);
        assert.ok(["name", "public"].includes(addressKind(hostname)), hostname);
        assert.ok(!hostname.endsWith("inside.example"), hostname);
      }
    }),
    trials(150, 6_000),
  );
});

Deno.test("a challenge that is almost valid has at most four parts, of what is in the header", () => {
  const valid =
    'Bearer realm="https://h/token",service="h:1",scope="a:b", Basic realm="x", Negotiate YQ==';
  fc.assert(
    fc.property(damagedText(valid, ["Bearer ", "realm=", '"', "\\", ",", "=="]), (bytes) => {
      const header = new TextDecoder().decode(bytes);
      const { challenges } = parseChallenges(header);
      assert.ok(challenges.length <= 4);
      const unquoted = header.replaceAll("\\", "");
      for (const { scheme, parameters } of challenges) {
        assert.ok(header.toLowerCase().includes(scheme));
        for (const value of parameters.values()) {
          assert.ok(unquoted.includes(value.replaceAll("\\", "")), value);
        }
      }
    }),
    trials(300, 20_000),
  );
});

Deno.test("a time in a header or a URL is a number or none, whatever is written", () => {
  const token = btoa(JSON.stringify({ exp: 1_800_000_000 }));
  const queries = [
    "X-Amz-Date=20260101T000000Z&X-Amz-Expires=300",
    "X-Goog-Date=20260101T000000Z&X-Goog-Expires=604800",
    "Expires=1800000000&Signature=x",
    `__sign=a.${token}.b`,
  ];
  const times = ["120", "Wed, 21 Oct 2026 07:28:00 GMT"];
  fc.assert(
    fc.property(
      fc.constantFrom(...queries).chain((query) => damagedText(query)),
      fc.constantFrom(...times).chain((time) => damagedText(time, ["GMT"])),
      damagedJson({ exp: 1_800_000_000 }),
      (query, time, claims) => {
        const text = new TextDecoder().decode(query);
        const sign = claims.toBase64({ alphabet: "base64url" });
        for (const url of [`https://h/?${text}`, `https://h/?__sign=a.${sign}.b`]) {
          assert.ok(!Number.isNaN(expiryOf(new URL(url), 0)), url);
        }
        const value = new TextDecoder("latin1").decode(time).replaceAll(/[^\x20-\x7e]/g, "");
        const wait = retryAfter(429, new Headers({ "retry-after": value }), 0);
        assert.ok(wait === undefined || wait >= 0, value);
      },
    ),
    trials(200, 10_000),
  );
});

const SECRET = "t0k3n-that-is-secret";
const ERRORS = [
  JSON.stringify({ errors: [{ code: "DENIED", message: `no access with ${SECRET}`, detail: {} }] }),
  JSON.stringify({ error: `see https://me:${SECRET}@h/?token=${SECRET}` }),
  `<!DOCTYPE html><html><head><title>Blocked &amp; logged: ${SECRET}</title></head></html>`,
  `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Key>${SECRET}</Key></Error>`,
  `plain text with ${SECRET}\r\n`,
];

Deno.test("the reason in an error page is one printable line without our secrets", async () => {
  const secrets = new Secrets();
  secrets.add(SECRET);
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...ERRORS).chain((text) =>
        damagedText(text, ["<title>", "&#0;", "&#x202e;", "://", SECRET])
      ),
      fc.constantFrom("text/html", "application/json", "text/plain; charset=utf-16", ""),
      async (bytes, type) => {
        const response = new Response(bytes, { status: 403, headers: { "content-type": type } });
        const text = await errorText(response, (text) => secrets.hide(text));
        assert.ok(text.length <= 1003);
        assertPrintable(text, "error page");
        assert.ok(!text.includes(SECRET), text);
      },
    ),
    trials(200, 6_000),
  );
});

Deno.test("of a list of files only tags are named that a name can have", async () => {
  const name = parseName("hf.co/some/model");
  const files = ["a-Q4_K_M.gguf", "b.gguf", "a-00001-of-00002.gguf", "README.md"]
    .map((path) => ({ type: "file", oid: "x", size: 5, path }));
  await fc.assert(
    fc.property(damagedJson(files), (bytes) => {
      let tags: readonly string[] | undefined;
      try {
        tags = tagsAmong(JSON.parse(new TextDecoder().decode(bytes)), name);
      } catch {
        // The caller does without them.
        return;
      }
      for (const tag of tags ?? []) {
        assert.ok(nameOfParts(name.host, name.namespace, name.model, tag), tag);
      }
    }),
    trials(150, 5_000),
  );
});

Deno.test("random bytes are no answer at all", () => {
  fc.assert(
    fc.property(damaged(new Uint8Array(40)), (bytes) => {
      assert.throws(() => parseManifest(bytes, digest(9)), { kind: "manifest" });
    }),
    trials(100, 2_000),
  );
});
