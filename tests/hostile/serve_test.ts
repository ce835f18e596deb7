/** Clients of `pullama serve` that want something else than models. */

import assert from "node:assert/strict";
import { get, raw } from "../serve/raw.ts";
import { type Place, place, type Served, serving } from "../serve/place.ts";
import { testWith } from "../needs.ts";

const SECRET = "the secret outside of the models folder";

async function scene(): Promise<{ at: Place; server: Served } & AsyncDisposable> {
  const at = await place();
  Deno.writeTextFileSync(`${at.root}/secret`, SECRET);
  Deno.writeTextFileSync(`${at.models}/blobs/secret`, SECRET);
  const server = await serving(at.models);
  return {
    at,
    server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await at[Symbol.asyncDispose]();
    },
  };
}

/** The server still does what it is for. */
async function assertServing({ server }: { readonly server: Served }): Promise<void> {
  const { status } = await raw(server.port, get("/v2/library/tiny/manifests/latest"));
  assert.equal(status, 200);
}

Deno.test("no path leads out of the models folder", async () => {
  await using it = await scene();
  const hex = it.at.weights.digest.slice("sha256:".length);
  const names = "/v2/library/tiny";
  const targets = [
    "/",
    "/v1/",
    "/secret",
    "/v2/../../etc/passwd",
    "/v2/../secret",
    "/v2/%2e%2e/%2e%2e/etc/passwd",
    "/v2/..%2f..%2fsecret/manifests/latest",
    `${names}/blobs/sha256:..%2fsecret`,
    `${names}/blobs/../secret`,
    `${names}/blobs/secret`,
    `${names}/blobs/sha256-${hex}`,
    `${names}/blobs/SHA256:${hex}`,
    `${names}/blobs/sha256:${hex.toUpperCase()}`,
    `${names}/blobs/sha256:${hex}/`,
    `${names}/blobs/sha256:${hex}%00`,
    `${names}/blobs/sha256:${hex}.partial`,
    `${names}/blobs/sha512:${hex}${hex}`,
    `${names}/manifests/..`,
    `${names}/manifests/../../../../../secret`,
    `${names}/manifests/%2e%2e%2f%2e%2e%2fsecret`,
    `${names}/manifests/latest%00`,
    `${names}/manifests/latest%0d%0aX-Evil:%20y`,
    `${names}/manifests/%`,
    `${names}/manifests/%ff%fe`,
    `${names}/manifests/`,
    "/v2//tiny/manifests/latest",
    "/v2/library/tiny//manifests/latest",
    "/v2/./library/tiny/manifests/latest",
    "/v2/a/b/library/tiny/manifests/latest",
    "/v2/.pullm/ledger.json/manifests/latest",
    "/v2/_catalog",
    `${names}/tags/list`,
    `${names}/blobs/uploads/`,
    `${names}/manifests/latest?ns=../../..`,
    `${names}/manifests/latest?ns=..%2f..`,
    `${names}/manifests/latest?ns=`,
    `${names}/manifests/latest?ns=registry.ollama.ai&ns=else.example`,
    `${names}/manifests/latest?ns=http://registry.ollama.ai`,
    `${names}/manifests/latest?ns=registry.ollama.ai%00`,
    `${names}/${"a/".repeat(500)}manifests/latest`,
    `/v2/${"a".repeat(64 * 1024)}/tiny/manifests/latest`,
    `${names}/manifests/${"%2e".repeat(20_000)}`,
  ];
  for (const target of targets) {
    const { status, body, head } = await raw(it.server.port, get(target));
    assert.equal(status, 404, target.slice(0, 100));
    assert.doesNotMatch(body, /secret outside/);
    assert.doesNotMatch(head, /evil/i);
  }
  await assertServing(it);
});

Deno.test("requests that two programs could read differently are refused", async () => {
  await using it = await scene();
  const { port } = it.server;
  const host = "Host: 127.0.0.1\r\n";
  const requests: readonly (readonly [text: string, ...statuses: number[]])[] = [
    [`GET /v2/\0/x HTTP/1.1\r\n${host}\r\n`, 400],
    [`GET http://127.0.0.1/v2/ HTTP/1.1\r\n${host}\r\n`, 400],
    [`GET /v2/ x HTTP/1.1\r\n${host}\r\n`, 400],
    [`GET /v2/\r\n${host}\r\n`, 400],
    [`GET /v2/ HTTP/2.0\r\n${host}\r\n`, 505],
    [`G@T /v2/ HTTP/1.1\r\n${host}\r\n`, 400],
    ["GET /v2/ HTTP/1.1\r\n\r\n", 400],
    [`GET /v2/ HTTP/1.1\r\n${host}${host}\r\n`, 400],
    [`GET /v2/ HTTP/1.1\r\n${host}X-A : b\r\n\r\n`, 400],
    [`GET /v2/ HTTP/1.1\r\n${host} folded\r\n\r\n`, 400],
    [`GET /v2/ HTTP/1.1\r\n${host}A: b\nC: d\r\n\r\n`, 400],
    [`GET /v2/ HTTP/1.1\r\n${host}A: \0\r\n\r\n`, 400],
    ...["\n", "\r", "\v", "\f", "\xa0\n"].flatMap((edge) =>
      [`A:${edge}b`, `A: b${edge}`, `A: b ${edge} `].map((field) =>
        [`GET /v2/ HTTP/1.1\r\n${host}${field}\r\n\r\n`, 400] as const
      )
    ),
    [`GET /v2/ HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nGET /`, 400],
    [`GET /v2/ HTTP/1.1\r\n${host}Content-Length: 0\r\nContent-Length: 5\r\n\r\n`, 400],
    [`GET /v2/ HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 501],
    [`GET /v2/ HTTP/1.1\r\n${host}${"A: b\r\n".repeat(200)}\r\n`, 431],
    [`GET /v2/ HTTP/1.1\r\n${host}A: ${"b".repeat(1 << 20)}\r\n\r\n`, 431, 0],
    ["b".repeat(1 << 20), 431, 0],
    ["\r\n\r\n\r\n\r\n", 400],
    ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
  ];
  for (const [text, ...statuses] of requests) {
    const { status } = await raw(port, text);
    assert.ok(statuses.includes(status), `${status} for ${JSON.stringify(text.slice(0, 80))}`);
  }
  await assertServing(it);
});

Deno.test("a web page cannot read from it by a name that leads to this machine", async () => {
  await using it = await scene();
  const ask = async (host: string) =>
    await raw(
      it.server.port,
      get("/v2/library/tiny/manifests/latest", "Origin: http://evil\r\n", host),
    );
  const strangers = [
    "evil.example",
    "evil.example:11435",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "8.8.8.8",
    "[2001:db8::1]",
    "127.0.0.1@evil.example",
    "127.0.0.1:x",
    "",
    "a b",
  ];
  for (const host of strangers) {
    const { status, head, body } = await ask(host);
    assert.equal(status, 421, host);
    assert.doesNotMatch(head, /access-control/i);
    assert.doesNotMatch(body, /schemaVersion/);
  }
  const { port } = it.server;
  for (
    const host of ["127.0.0.1", `localhost:${port}`, "LOCALHOST", "[::ffff:127.0.0.1]", "[::1]"]
  ) {
    const { status, head } = await ask(host);
    assert.equal(status, 200, host);
    assert.doesNotMatch(head, /access-control/i);
  }
});

Deno.test("a name of this machine may be given, and then counts", async () => {
  await using at = await place();
  await using server = await serving(at.models, { hosts: ["models.lan"] });
  assert.equal((await raw(server.port, get("/v2/", "", "Models.lan:8080"))).status, 200);
});

Deno.test("many ranges in one header get none", async () => {
  await using it = await scene();
  const target = `/v2/library/tiny/blobs/${it.at.weights.digest}`;
  const overlapping = Array.from({ length: 100 }, (_, i) => `${i}-${i + 100_000}`).join();
  const single = Array.from({ length: 10_000 }, (_, i) => `${i}-${i}`).join();
  for (const [list, status] of [[overlapping, 416], [single, 431]] as const) {
    const answer = await raw(it.server.port, get(target, `Range: bytes=${list}\r\n`));
    assert.equal(answer.status, status);
  }
  await assertServing(it);
});

testWith(
  ["a thousand sockets"],
  "a thousand idle connections leave room for those that ask",
  async () => {
    await using it = await scene();
    const before = Deno.memoryUsage().rss;
    const idle: Deno.Conn[] = [];
    try {
      for (let i = 0; i < 1000; i++) {
        const conn = await Deno.connect({ hostname: "127.0.0.1", port: it.server.port });
        idle.push(conn);
        if (i % 2) await conn.write(new TextEncoder().encode("GET /v2/ HT")).catch(() => {});
        if (i % 100 === 0) await assertServing(it);
      }
      await assertServing(it);
      assert.ok(Deno.memoryUsage().rss - before < 100 * 2 ** 20);
    } finally {
      for (const conn of idle) conn.close();
    }
    await assertServing(it);
  },
);

Deno.test("clients that do not read cost no memory, and do not keep others waiting", async () => {
  await using at = await place(64 << 20);
  await using server = await serving(at.models);
  const target = `/v2/library/tiny/blobs/${at.weights.digest}`;
  const before = Deno.memoryUsage().rss;
  const slow: Deno.Conn[] = [];
  try {
    for (let i = 0; i < 40; i++) {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      slow.push(conn);
      await conn.write(new TextEncoder().encode(get(target)));
    }
    await assertServing({ server });
    const part = await raw(server.port, get(target, "Range: bytes=0-999999\r\n"));
    assert.equal(part.body.length, 1_000_000);
    assert.ok(Deno.memoryUsage().rss - before < 150 * 2 ** 20);
  } finally {
    for (const conn of slow) conn.close();
  }
});

Deno.test("more requests than --max-clients are told to come again", async () => {
  await using at = await place(64 << 20);
  await using server = await serving(at.models, { maxClients: 2 });
  const target = `/v2/library/tiny/blobs/${at.weights.digest}`;
  const busy: Deno.Conn[] = [];
  try {
    for (let i = 0; i < 2; i++) {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
      busy.push(conn);
      await conn.write(new TextEncoder().encode(get(target)));
      await conn.read(new Uint8Array(10));
    }
    const { status, head } = await raw(server.port, get("/v2/"));
    assert.equal(status, 503);
    assert.match(head, /^Retry-After: \d+$/m);
  } finally {
    for (const conn of busy) conn.close();
  }
});

Deno.test("spaces around a value, and an empty line before a request, are no reason to refuse it", async () => {
  await using it = await scene();
  const request = `\r\nGET /v2/ HTTP/1.1\r\nHost: \t127.0.0.1 \t\r\nConnection: close\r\n\r\n`;
  assert.equal((await raw(it.server.port, request)).status, 200);
  const blanks = `\r\nGET /v2/ HTTP/1.1\r\nHost:${" ".repeat(70_000)}127.0.0.1\r\n\r\n`;
  assert.equal((await raw(it.server.port, blanks)).status, 200);
});

Deno.test("a client of HTTP/1.0 is told that the connection ends", async () => {
  await using it = await scene();
  const request = "GET /v2/ HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\n\r\n";
  const { status, head } = await raw(it.server.port, request + request);
  assert.equal(status, 200);
  assert.match(head, /^Connection: close$/m);
  assert.equal(it.server.requests.length, 1);
});

Deno.test("several requests on one connection are answered in order", async () => {
  await using it = await scene();
  const one = "GET /v2/ HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const { head, body } = await raw(it.server.port, one + one + get("/v2/nosuch"));
  const text = head + body;
  assert.deepEqual([...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((hit) => hit[1]), [
    "200",
    "200",
    "404",
  ]);
});
