import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { makeModel } from "../fakes/model.ts";
import { assertInstalled } from "../real/store.ts";
import { install } from "../store/installed_models.ts";
import { largestOf, place, serving } from "./place.ts";

const WINDOWS = Deno.build.os === "windows";
const DOCKER = "application/vnd.docker.distribution.manifest.v2+json";

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

Deno.test("a manifest is sent byte for byte as it is stored, by its tag and by its digest", async () => {
  await using at = await place();
  await using server = await serving(at.models);
  const stored = Deno.readFileSync(at.tiny.path);
  const digest = `sha256:${at.tiny.hex}`;
  for (const [reference, cache] of [["latest", /max-age=5\b/], [digest, /31536000, immutable/]]) {
    const response = await fetch(`${server.url}/v2/library/tiny/manifests/${reference}`);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get("content-type"), DOCKER);
    assert.equal(response.headers.get("docker-content-digest"), digest);
    assert.equal(response.headers.get("etag"), `"${digest}"`);
    assert.match(response.headers.get("cache-control")!, cache as RegExp);
    assert.equal(response.headers.get("access-control-allow-origin"), null);
    assert.deepEqual(await bytesOf(response), stored);
  }
});

Deno.test("a blob is sent as a whole, with the digest of its content", async () => {
  await using at = await place();
  await using server = await serving(at.models);
  const { digest, size } = at.weights;
  const response = await fetch(`${server.url}/v2/library/tiny/blobs/${digest}`);
  const checksum = createHash("sha256").update(Deno.readFileSync(at.weights.path)).digest("base64");
  assert.equal(response.headers.get("content-digest"), `sha-256=:${checksum}:`);
  assert.equal(response.headers.get("content-length"), String(size));
  assert.equal(digestOf(await bytesOf(response)), digest);
  const head = await fetch(`${server.url}/v2/library/tiny/blobs/${digest}`, { method: "HEAD" });
  assert.deepEqual([head.status, head.headers.get("content-length")], [200, String(size)]);
  assert.equal(head.headers.get("content-digest"), null);
  assert.equal(head.headers.get("repr-digest"), `sha-256=:${checksum}:`);
});

Deno.test("one range of a blob is sent, and what is not in it is refused", async () => {
  await using at = await place();
  await using server = await serving(at.models);
  const { digest, size, path } = at.weights;
  const bytes = Deno.readFileSync(path);
  const cases: readonly (readonly [range: string, from?: number, to?: number])[] = [
    ["bytes=0-0", 0, 1],
    ["bytes=5-9", 5, 10],
    [`bytes=${size - 3}-`, size - 3, size],
    ["bytes=-4", size - 4, size],
    [`bytes=10-${size + 99}`, 10, size],
    [`bytes=${size}-`],
    [`bytes=${"9".repeat(16)}-`],
    [`bytes=10-${"9".repeat(40)}`, 10, size],
    ["bytes=-0"],
    ["bytes=0-1,5-6"],
  ];
  for (const [range, from, to] of cases) {
    const response = await fetch(`${server.url}/v2/library/tiny/blobs/${digest}`, {
      headers: { range },
    });
    const body = await bytesOf(response);
    if (from === undefined) {
      assert.equal(response.status, 416, range);
      assert.equal(response.headers.get("content-range"), `bytes */${size}`);
      continue;
    }
    assert.equal(response.status, 206, range);
    assert.equal(response.headers.get("content-range"), `bytes ${from}-${to! - 1}/${size}`);
    assert.deepEqual(body, bytes.subarray(from, to), range);
  }
  for (const range of ["bytes=9-5", "bytes=x-y", "lines=1-2", "bytes=-"]) {
    const response = await fetch(`${server.url}/v2/library/tiny/blobs/${digest}`, {
      headers: { range },
    });
    assert.equal(response.status, 200, range);
    await response.body?.cancel();
  }
});

Deno.test("what a client has already is not sent again, and a part of something else is not mixed in", async () => {
  await using at = await place();
  await using server = await serving(at.models);
  const { digest } = at.weights;
  const ask = async (headers: Record<string, string>) => {
    const response = await fetch(`${server.url}/v2/library/tiny/blobs/${digest}`, { headers });
    await response.body?.cancel();
    return response.status;
  };
  const range = "bytes=1-2";
  assert.equal(await ask({ "if-none-match": `"other", "${digest}"` }), 304);
  assert.equal(await ask({ "if-none-match": '"other"' }), 200);
  assert.equal(await ask({ range, "if-range": `"${digest}"` }), 206);
  assert.equal(await ask({ range, "if-range": '"other"' }), 200);
  assert.equal(await ask({ range, "if-range": "Wed, 21 Oct 2015 07:28:00 GMT" }), 200);
});

Deno.test("models of other registries have their host in the path, or in the query", async () => {
  await using at = await place();
  const name = "reg.example:5000/team/other/v1";
  const other = install(at.models, name, makeModel({ size: 50_000, seed: 3 }));
  await using server = await serving(at.models, { share: ["reg.example:5000/team/other:v1"] });
  const status = async (path: string) => {
    const response = await fetch(`${server.url}/v2/${path}`);
    await response.body?.cancel();
    return response.status;
  };
  const { digest } = largestOf(other);
  assert.equal(await status("reg.example_5000/team/other/manifests/v1"), 200);
  assert.equal(await status(`reg.example_5000/team/other/blobs/${digest}`), 200);
  assert.equal(await status("team/other/manifests/v1?ns=reg.example:5000"), 200);
  assert.equal(await status("reg.example_5000/team/other/manifests/v1?ns=reg.example:5000"), 200);
  assert.equal(await status("library/tiny/manifests/latest?ns=registry.ollama.ai"), 200);
  assert.equal(await status("registry.ollama.ai/library/tiny/manifests/latest"), 200);
  assert.equal(await status("reg.example_5000/team/other/manifests/v1?ns=else.example"), 404);
  assert.equal(await status("team/other/manifests/v1"), 404);
  assert.equal(await status("library/tiny/manifests/latest?ns=else.example"), 404);
  // A blob of another repository.
  assert.equal(await status(`library/tiny/blobs/${digest}`), 404);
});

Deno.test("only GET and HEAD are answered, and errors are JSON that OCI clients read", async () => {
  await using at = await place();
  await using server = await serving(at.models);
  for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]) {
    const response = await fetch(`${server.url}/v2/library/tiny/manifests/latest`, { method });
    assert.equal(response.status, 405);
    assert.equal(response.headers.get("allow"), "GET, HEAD");
    await response.body?.cancel();
  }
  const response = await fetch(`${server.url}/v2/library/nosuch/manifests/latest`);
  assert.equal(response.status, 404);
  const { errors: [{ code, message }] } = await response.json();
  assert.equal(code, "MANIFEST_UNKNOWN");
  assert.match(message, /no such model/);
});

Deno.test("names are listed only with --list, page by page", async () => {
  await using at = await place();
  install(at.models, "tiny/b", makeModel({ size: 1000, seed: 2 }));
  install(at.models, "zoo/latest", makeModel({ size: 1000, seed: 3 }));
  const ask = async (url: string) => {
    const response = await fetch(url);
    return {
      status: response.status,
      link: response.headers.get("link"),
      json: await response.json(),
    };
  };
  {
    await using silent = await serving(at.models);
    assert.equal((await ask(`${silent.url}/v2/_catalog`)).status, 404);
    assert.equal((await ask(`${silent.url}/v2/library/tiny/tags/list`)).status, 404);
  }
  await using server = await serving(at.models, { list: true });
  const all = ["library/tiny", "library/zoo"];
  assert.deepEqual((await ask(`${server.url}/v2/_catalog`)).json, { repositories: all });
  const tags = { name: "library/tiny", tags: ["b", "latest"] };
  assert.deepEqual((await ask(`${server.url}/v2/library/tiny/tags/list`)).json, tags);
  const first = await ask(`${server.url}/v2/_catalog?n=1`);
  assert.deepEqual(first.json, { repositories: ["library/tiny"] });
  const [, next = ""] = /^<(.*)>; rel="next"$/.exec(first.link!) ?? [];
  const second = await ask(server.url + next);
  assert.deepEqual([second.json, second.link], [{ repositories: ["library/zoo"] }, null]);
  const of = "ns=registry.ollama.ai";
  const page = await ask(`${server.url}/v2/library/tiny/tags/list?${of}&n=1`);
  assert.deepEqual(page.json, { name: "library/tiny", tags: ["b"] });
  assert.ok(page.link!.includes(of), page.link!);
});

Deno.test("Ollama's client is sent to another spelling of the same address, and others are not", async () => {
  await using at = await place();
  await using server = await serving(at.models);
  const url = `${server.url}/v2/library/tiny/blobs/${at.weights.digest}`;
  const ask = (headers: Record<string, string>) => fetch(url, { headers, redirect: "manual" });
  const agent = { "user-agent": "ollama/0.12.0 (amd64 linux) Go/go1.24.1" };
  const sent = await ask(agent);
  assert.equal(sent.status, 307);
  assert.equal(sent.headers.get("vary"), "User-Agent");
  await sent.body?.cancel();
  const location = new URL(sent.headers.get("location")!);
  assert.notEqual(location.hostname, "127.0.0.1");
  // Windows connects to such an address only where a program asks it to, as Go does.
  if (!WINDOWS) {
    const there = await fetch(location, { headers: { range: "bytes=0-9" } });
    assert.deepEqual([there.status, (await bytesOf(there)).length], [206, 10]);
  }
  for (const headers of [{}, { ...agent, range: "bytes=0-9" }]) {
    const response = await ask(headers);
    await response.body?.cancel();
    assert.notEqual(response.status, 307);
    assert.equal(response.headers.get("vary"), "User-Agent");
  }
});

Deno.test("a model pulled from a server is the same, byte for byte", async () => {
  const { run } = await import("../../src/cli/program.ts");
  const { wire } = await import("../../src/cli/wire.ts");
  const { fakeHost } = await import("../cli/fake_host.ts");
  await using at = await place(3 << 20);
  await using server = await serving(at.models);
  // A folder on Windows has no port in its name.
  const name = WINDOWS ? "tiny" : `127.0.0.1:${server.port}/library/tiny`;
  const from = WINDOWS ? ["--mirror", server.url, "--offline"] : ["--insecure"];
  const there = `${at.root}/there`;
  const host = fakeHost();
  const code = await run(["pull", name, ...from, "--models-dir", there, "-q"], host, wire);
  assert.equal(code, 0, host.err.text);
  const blobs = at.tiny.blobs.map((path) => ({
    digest: path.slice(path.lastIndexOf("/") + 1).replace("-", ":"),
    size: Deno.statSync(path).size,
  }));
  const stored = name === "tiny" ? "registry.ollama.ai/library/tiny" : name;
  assertInstalled(there, `${stored}:latest`, { manifest: Deno.readFileSync(at.tiny.path), blobs });
});
