import assert from "node:assert/strict";
import { Http } from "../../../src/registry/http/http.ts";
import {
  privateAddressReason,
  RedirectingHttp,
  type RedirectPolicy,
} from "../../../src/registry/http/redirects.ts";
import { redirect } from "../../fakes/faults.ts";
import { type Registry, startRegistry } from "../../fakes/registry.ts";
import { bytesOf, failureOf, MiB, never, world } from "../world.ts";

/** Follows a redirect of a fake registry as if the registry were public. */
async function followPublic(
  registry: Registry,
  lookup: RedirectPolicy["lookup"],
  home = "https://registry.example",
): Promise<string> {
  using http = new Http({ userAgent: "pullama/test" });
  const following = new RedirectingHttp(http, { insecure: true, lookup });
  const start = new URL(`${registry.url}/start`);
  const request = { headers: {}, registry: home, signal: never() };
  const { response, url } = await following.send(start, request);
  await response.body?.cancel();
  return url.href;
}

Deno.test("case 20: a redirect of the manifest to another host is followed without credentials", async () => {
  await using other = await world(10);
  await using registry = await startRegistry();
  const path = "/v2/library/tiny/manifests/latest";
  registry.faults.manifest = () => redirect(`${other.registry.url}${path}`);
  using http = new Http({ userAgent: "pullama/test" });
  const following = new RedirectingHttp(http, {
    insecure: false,
    lookup: () => Promise.resolve([]),
  });
  const { response, url } = await following.send(new URL(`${registry.url}${path}`), {
    headers: { accept: "x/y" },
    authorization: "Bearer t",
    registry: registry.url,
    signal: never(),
  });
  await response.body?.cancel();
  assert.equal(url.host, other.registry.host);
  const [here, there] = [registry.requests[0]!, other.registry.requests[0]!];
  assert.equal(here.headers.get("authorization"), "Bearer t");
  assert.equal(there.headers.get("authorization"), null);
  assert.equal(there.headers.get("accept"), "x/y");

  const name = { ...other.name, host: registry.host };
  const manifest = await other.source.manifest(name, never());
  assert.equal(manifest.layers[0]!.digest, other.blob.digest);
});

for (const status of [301, 302, 303, 307, 308]) {
  Deno.test(`case 42: a ${status} with a relative Location is followed`, async () => {
    await using w = await world(2 * MiB);
    const moved = `../../../elsewhere/${w.name.model}/blobs/${w.blob.digest}#part`;
    w.registry.faults.blob = ({ path }) =>
      path.includes("elsewhere") ? undefined : redirect(moved, status);
    const body = await w.source.open(w.name, w.blob, { start: 7, end: 9 }, never());
    assert.deepEqual(await bytesOf(body.stream), w.content.read(7, 2));
    const [first, second] = w.registry.requests;
    assert.equal(second!.path, first!.path.replace("/library/", "/elsewhere/"));
    assert.equal(second!.method, "GET");
    assert.equal(second!.headers.get("range"), "bytes=7-8");
  });
}

for (
  const location of [
    "file:///etc/passwd",
    "ftp://127.0.0.1/x",
    "data:text/plain,x",
    "http://user:secret@127.0.0.1/x",
    "https://user@127.0.0.1/x",
    "http://[::1",
  ]
) {
  Deno.test(`case 43: a redirect to ${location} is not followed`, async () => {
    await using w = await world(10);
    w.registry.faults.blob = () => redirect(location);
    w.registry.faults.manifest = () => redirect(location);
    const opened = w.source.open(w.name, w.blob, { start: 0, end: 10 }, never());
    for (const failing of [opened, w.source.manifest(w.name, never())]) {
      const error = await failureOf(failing);
      assert.equal(error.kind, "redirect");
      assert.doesNotMatch(error.message, /secret/);
    }
  });
}

Deno.test("a redirect without a Location can be retried", async () => {
  await using w = await world(10);
  for (const location of [undefined, ""]) {
    w.registry.faults.manifest = () => ({ status: 307, headers: { location } });
    assert.equal((await failureOf(w.source.manifest(w.name, never()))).kind, "protocol");
  }
});

for (
  const target of [
    "http://169.254.169.254/latest/meta-data/",
    "http://127.0.0.1:1234/",
    "http://127.1/",
    "http://[::1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://10.1.2.3/",
    "http://192.168.0.1/",
    "http://0.0.0.0/",
    "http://localhost/",
    "http://168.63.129.16/",
    "http://198.18.0.1/",
    "http://192.0.0.192/",
    "http://[64:ff9b:1::a9fe:a9fe]/",
    "http://[64:ff9b::10.0.0.1]/",
  ]
) {
  Deno.test(`case 44: a redirect of a public registry to ${target} is refused`, async () => {
    await using registry = await startRegistry();
    registry.faults.other = () => redirect(target);
    const error = await failureOf(followPublic(registry, () => Promise.resolve(["1.1.1.1"])));
    assert.equal(error.kind, "redirect");
    assert.equal(registry.requests.length, 1);
  });
}

Deno.test("case 44: a redirect of a public registry to a name with an internal address is refused", async () => {
  await using registry = await startRegistry();
  registry.faults.other = () => redirect("http://cdn.example/x");
  const asked: string[] = [];
  const lookup = (host: string) => {
    asked.push(host);
    return Promise.resolve(host === "cdn.example" ? ["1.0.0.7", "fd00::1"] : ["1.1.1.1"]);
  };
  const error = await failureOf(followPublic(registry, lookup));
  assert.equal(error.kind, "redirect");
  assert.match(error.message, /cdn\.example/);
  assert.deepEqual(asked, ["cdn.example", "registry.example"]);
});

Deno.test("case 44: a registry on this machine may redirect to this machine", async () => {
  await using registry = await startRegistry();
  const end = `${registry.url}/end`;
  registry.faults.other = ({ path }) => path === "/start" ? redirect(end) : undefined;
  for (const home of ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"]) {
    assert.equal(await followPublic(registry, () => Promise.resolve([]), home), end);
  }
  const here = () => Promise.resolve(["127.0.0.1", "::1"]);
  assert.equal(await followPublic(registry, here, "http://registry.test"), end);
});

const ADDRESSES: Readonly<Record<string, readonly string[]>> = {
  "public.example": ["1.1.1.1", "2606:4700::1111"],
  "cdn.example": ["1.0.0.1"],
  "registry.corp": ["10.0.0.1"],
  "dual.corp": ["10.0.0.1", "2606:4700::1"],
  "store.corp": ["10.0.0.2", "fd00::2"],
  "router.corp": ["fe80::1"],
  "trap.example": ["1.1.1.1", "127.0.0.1", "169.254.169.254"],
  "metadata.internal": ["169.254.169.254"],
  // What some proxies resolve every name to.
  "registry.fake": ["198.18.0.5"],
  "cdn.fake": ["198.18.0.6"],
};

/** Where registries may redirect to, and where not. */
const PLACES: readonly [
  registry: string,
  allowed: readonly string[],
  refused: readonly string[],
][] = [
  ["public.example", ["cdn.example", "8.8.8.8", "[64:ff9b::808:808]"], [
    "store.corp",
    "router.corp",
    "metadata.internal",
    "cdn.fake",
    "localhost",
    "0.0.0.0",
    "168.63.129.16",
    "[64:ff9b:1::1]",
  ]],
  ["registry.corp", ["cdn.example", "store.corp", "172.16.0.1", "[fd00::1]"], [
    "127.0.0.1",
    "localhost",
    "0.0.0.0",
    "metadata.internal",
    "168.63.129.16",
    "100.100.100.200",
    "[fd00:ec2::254]",
    "cdn.fake",
  ]],
  ["dual.corp", ["store.corp", "cdn.example"], ["127.0.0.1", "metadata.internal"]],
  ["192.168.1.5", ["192.168.1.6", "store.corp"], ["127.0.0.1", "169.254.1.1"]],
  ["127.0.0.1", ["127.0.0.1", "localhost", "0.0.0.0", "[::1]", "cdn.example"], [
    "10.0.0.1",
    "store.corp",
    "metadata.internal",
  ]],
  ["0.0.0.0", ["127.0.0.1", "0.0.0.0"], ["10.0.0.1"]],
  ["169.254.7.7", ["169.254.7.8", "cdn.example"], ["127.0.0.1", "10.0.0.1"]],
  ["trap.example", ["cdn.example"], ["127.0.0.1", "metadata.internal", "store.corp"]],
  ["registry.fake", ["cdn.fake", "cdn.example"], ["127.0.0.1", "store.corp"]],
  ["unknown.example", ["cdn.example"], ["127.0.0.1", "store.corp"]],
];
for (const [registry, allowed, refused] of PLACES) {
  Deno.test(`case 44: where ${registry} may redirect to`, async () => {
    const lookup = (host: string) => Promise.resolve([...ADDRESSES[host] ?? []]);
    const reason = (host: string) => {
      const [to, home] = [new URL(`http://${host}:81/x`), new URL(`http://${registry}:5000`)];
      return privateAddressReason(to, home, lookup, never());
    };
    for (const host of allowed) assert.equal(await reason(host), undefined, host);
    for (const host of refused) assert.match(await reason(host) ?? "allowed", /address$/, host);
  });
}

Deno.test("a redirect to a host or a scheme that no URL can have is refused in a few words", async () => {
  await using registry = await startRegistry();
  for (const location of [`http://${"a".repeat(10_000)}.example/`, `${"a".repeat(10_000)}:x`]) {
    registry.faults.other = () => redirect(location);
    const { kind, message } = await failureOf(followPublic(registry, () => Promise.resolve([])));
    assert.equal(kind, "redirect");
    assert.ok(message.length < 200, message);
  }
});

Deno.test("a host that cannot be resolved is left to the request", async () => {
  await using registry = await startRegistry();
  registry.faults.other = () => redirect("http://no.such.host.invalid/x");
  const lookup = () => Promise.reject(new Error("not found"));
  const error = await failureOf(followPublic(registry, lookup));
  assert.equal(error.kind, "network");
  assert.match(error.message, /no\.such\.host\.invalid/);
});

Deno.test("an abort does not wait for a DNS lookup", async () => {
  await using registry = await startRegistry();
  registry.faults.other = () => redirect("http://cdn.example/x");
  using http = new Http({ userAgent: "pullama/test" });
  const attempt = new AbortController();
  const lookup = () => {
    attempt.abort();
    return new Promise<string[]>(() => {});
  };
  const following = new RedirectingHttp(http, { insecure: true, lookup });
  const start = new URL(`${registry.url}/start`);
  const home = "https://registry.example";
  const request = { headers: {}, registry: home, signal: attempt.signal };
  assert.equal((await failureOf(following.send(start, request))).kind, "interrupted");
});

Deno.test("case 45: ten redirects are followed, eleven are not", async () => {
  await using w = await world(10);
  const chain = (length: number) => {
    w.registry.faults.manifest = ({ path }) => {
      const next = Number(/\/hop(\d+)\//.exec(path)?.[1] ?? 0) + 1;
      return next > length ? undefined : redirect(`/v2/hop${next}/library/tiny/manifests/latest`);
    };
  };
  w.registry.add("hop10/library/tiny:latest", { layers: [{ mediaType: "x", content: "y" }] });
  chain(10);
  assert.equal((await w.source.manifest(w.name, never())).layers.length, 1);
  assert.equal(w.registry.requests.length, 11);
  chain(11);
  assert.equal((await failureOf(w.source.manifest(w.name, never()))).kind, "redirect");
  assert.equal(w.registry.requests.length, 22);
});

Deno.test("case 45: a redirect loop is detected at its first repetition", async () => {
  await using w = await world(10);
  w.registry.faults.manifest = ({ path }) =>
    redirect(
      path.includes("/loop/") ? "/v2/library/tiny/manifests/latest" : "/v2/loop/manifests/x",
    );
  const error = await failureOf(w.source.manifest(w.name, never()));
  assert.equal(error.kind, "redirect");
  assert.equal(w.registry.requests.length, 2);
});
