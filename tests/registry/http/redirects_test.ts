import assert from "node:assert/strict";
import { Http } from "../../../src/registry/http/http.ts";
import { RedirectingHttp, type RedirectPolicy } from "../../../src/registry/http/redirects.ts";
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
  const { response, url } = await following.get(start, request);
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
  const { response, url } = await following.get(new URL(`${registry.url}${path}`), {
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
  ]
) {
  Deno.test(`case 44: a redirect of a public registry to ${target} is refused`, async () => {
    await using registry = await startRegistry();
    registry.faults.other = () => redirect(target);
    const error = await failureOf(followPublic(registry, () => Promise.resolve(["192.0.2.1"])));
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
    return Promise.resolve(host === "cdn.example" ? ["192.0.2.7", "fd00::1"] : ["192.0.2.1"]);
  };
  const error = await failureOf(followPublic(registry, lookup));
  assert.equal(error.kind, "redirect");
  assert.match(error.message, /cdn\.example/);
  assert.deepEqual(asked, ["cdn.example", "registry.example"]);
});

Deno.test("case 44: a registry in a private network may redirect to internal addresses", async () => {
  await using registry = await startRegistry();
  const end = `${registry.url}/end`;
  registry.faults.other = ({ path }) => path === "/start" ? redirect(end) : undefined;
  for (const home of ["http://10.0.0.1:5000", "http://127.0.0.1:1", "http://[fd00::7]"]) {
    assert.equal(await followPublic(registry, () => Promise.resolve([]), home), end);
  }
  const inside = () => Promise.resolve(["10.0.0.1"]);
  assert.equal(await followPublic(registry, inside, "http://registry.corp"), end);
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
  assert.equal((await failureOf(following.get(start, request))).kind, "interrupted");
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
