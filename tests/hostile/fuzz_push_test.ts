/** A registry that answers uploads with anything: a push ends, and nothing but what is right is completed. */

import assert from "node:assert/strict";
import fc from "fast-check";
import { PullamaError } from "../../src/core/errors.ts";
import type { UploadFault, UploadRequest } from "../fakes/upload_registry.ts";
import { MiB, pushWorld } from "../push/world.ts";
import { SEED, THOROUGH } from "../seed.ts";
import { startUploadRegistry } from "../fakes/upload_registry.ts";

const MOST_REQUESTS = 400;

const status = fc.constantFrom(
  ...[200, 201, 202, 204, 206, 301, 302, 307, 308, 400, 401, 403, 404, 405, 409, 411, 413, 416],
  ...[418, 429, 500, 501, 502, 503, 507, 599],
);
const range = fc.oneof(
  fc.constantFrom("0-0", "0--1", "bytes=0-5", "1-2", "0-99999999999999999", "", "x", "0-1e9"),
  fc.nat(8 * MiB).map((last) => `0-${last}`),
);
const location = fc.constantFrom(
  ...[
    "",
    "/",
    "//",
    "/v2/",
    "http://",
    "file:///etc/passwd",
    "data:,x",
    "?",
    "#",
    "../../..",
    "http://[::1",
  ],
  ...["http://u:p@127.0.0.1/", "http://169.254.169.254/x", "ftp://h/x", "https://127.0.0.1:1/x"],
  "OTHER",
);
const challenge = fc.constantFrom(
  ...["Basic", "Bearer", 'Bearer realm="OTHER/token",scope="repository:library/tiny:*"', '"', ","],
  'Bearer realm="http://169.254.169.254/",service="x"',
);
const digest = fc.constantFrom("", "x", `sha256:${"0".repeat(64)}`, `sha256:${"f".repeat(63)}`);
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });

const answer = fc.record({
  status,
  range: optional(range),
  location: optional(location),
  "www-authenticate": optional(challenge),
  "docker-content-digest": optional(digest),
  "retry-after": optional(fc.constantFrom("0", "1", "-1", "x", "99999999")),
  "oci-chunk-min-length": optional(fc.constantFrom("0", "1", "99999999999", "-1", "3000000")),
  body: fc.constantFrom(
    "",
    "{}",
    "<html>",
    '{"errors":[{"message":"digest invalid"}]}',
    "\u001b[2J",
  ),
});
/** Which requests are answered so: by method, and how often. */
const plan = fc.array(
  fc.record({
    method: fc.constantFrom("HEAD", "POST", "PATCH", "GET", "PUT"),
    every: fc.nat(4),
    answer,
  }),
  { minLength: 1, maxLength: 4 },
);

Deno.test("whatever a registry answers to a push, it ends with one sentence, and right or not at all", async () => {
  await using other = await startUploadRegistry();
  await fc.assert(
    fc.asyncProperty(plan, async (rules) => {
      await using w = await pushWorld();
      w.registry.fault = ({ method }: UploadRequest, n: number): UploadFault | undefined => {
        const rule = rules.find((rule) => rule.method === method && n % (rule.every + 1) === 0);
        if (!rule) return undefined;
        const { status, body, ...fields } = rule.answer;
        const headers = Object.fromEntries(
          Object.entries(fields).filter((pair): pair is [string, string] => pair[1] !== undefined)
            .map(([name, value]) => [name, value.replace("OTHER", other.url)]),
        );
        const isEmpty = status === 204 || method === "HEAD";
        return { status, headers, body: isEmpty ? "" : body };
      };
      const { error } = await w.push({ settings: { maxRetries: 2 } });
      assert.ok(
        w.registry.requests.length < MOST_REQUESTS,
        `${w.registry.requests.length} requests`,
      );
      assert.ok(error === undefined || error instanceof PullamaError, String(error));
      if (error instanceof PullamaError) {
        assert.notEqual(error.kind, "internal", error.message);
        assert.doesNotMatch(error.message, /\p{Cc}/u);
      }
      // The registry keeps what it has taken only if it is right; it may lie about that.
      const sent = w.registry.manifests.get("library/tiny")?.get("latest");
      if (sent) assert.deepEqual(sent.bytes, Deno.readFileSync(w.tiny.path));
      const changing = other.requests.filter(({ method }) => !["GET", "HEAD"].includes(method));
      assert.deepEqual(changing, []);
      assert.ok(other.requests.every(({ headers }) => !headers.has("authorization")));
    }),
    { numRuns: THOROUGH ? 1000 : 40, seed: SEED, endOnFailure: true },
  );
});
