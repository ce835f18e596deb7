/** Requests through real proxies, to hosts that only they can resolve. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { PullamaError } from "../../src/core/errors.ts";
import { parseName } from "../../src/core/name.ts";
import { RegistrySource } from "../../src/registry/source.ts";
import { proxiesIn } from "../../src/registry/net/proxy.ts";
import { authority, elsewhere, expired, good, key } from "../fakes/authority.ts";
import { portOf } from "../fakes/listen.ts";
import { noise } from "../fakes/content.ts";
import { redirect } from "../fakes/faults.ts";
import { type Proxy, type ProxyOptions, startProxy } from "../fakes/proxy.ts";
import { type Registry, startRegistry } from "../fakes/registry.ts";
import { startSocks } from "../fakes/socks.ts";
import { bytesOf, failureOf, never } from "./world.ts";

const hosts = { "registry.example": "127.0.0.1", "cdn.example": "127.0.0.1" };
const tls = { cert: good, key };
const login = { username: "someone", password: "sw\u00f6rd/fish@7" };
const content = noise(100_000);

type Env = Readonly<Record<string, string>>;

function through(env: Env, trusted: readonly string[] = [authority]): RegistrySource {
  return new RegistrySource({
    userAgent: "pullama/test",
    caCerts: trusted,
    proxyFor: proxiesIn((name) => env[name]),
  });
}

/** A registry named registry.example that only proxies can reach, with a model. */
async function hidden(options: Parameters<typeof startRegistry>[0] = {}) {
  const registry = await startRegistry({ onPort: true, ...options });
  const port = portOf(registry.host);
  const { layers: [blob] } = registry.add("library/tiny:latest", {
    layers: [{ mediaType: "application/vnd.ollama.image.model", content }],
  });
  const scheme = options.tls ? "https" : "http";
  return {
    registry,
    port,
    name: parseName(`${scheme}://registry.example:${port}/library/tiny:latest`),
    blob: blob!,
    [Symbol.asyncDispose]: () => registry.close(),
  };
}

/** Downloads the model and checks it. */
async function assertPulls(source: RegistrySource, at: Awaited<ReturnType<typeof hidden>>) {
  const { layers } = await source.manifest(at.name, never());
  assert.deepEqual(layers.map(({ digest }) => digest), [at.blob.digest]);
  const { stream } = await source.open(at.name, at.blob, { start: 10, end: 99_000 }, never());
  assert.deepEqual(await bytesOf(stream), content.read(10, 98_990));
}

const targets = (
  { requests }: Proxy,
) => [...new Set(requests.map(({ method, target }) => `${method} ${target}`))];

Deno.test("case 63: https goes through tunnels of HTTPS_PROXY, which resolves the host", async () => {
  await using at = await hidden({ tls });
  await using proxy = await startProxy({ hosts });
  using source = through({ HTTPS_PROXY: `http://${proxy.host}`, HTTP_PROXY: "http://127.0.0.1:1" });
  await assertPulls(source, at);
  assert.deepEqual(targets(proxy), [`CONNECT registry.example:${at.port}`]);
  assert.equal(at.registry.requests[0]!.headers.get("host"), `registry.example:${at.port}`);
});

Deno.test("case 63: http goes through HTTP_PROXY, which forwards the requests", async () => {
  await using at = await hidden();
  await using proxy = await startProxy({ hosts });
  using source = new RegistrySource({
    userAgent: "pullama/test",
    insecure: true,
    proxyFor: proxiesIn((name) => ({ http_proxy: proxy.host })[name]),
  });
  await assertPulls(source, at);
  const home = `http://registry.example:${at.port}/v2/library/tiny`;
  assert.deepEqual(targets(proxy), [
    `GET ${home}/manifests/latest`,
    `GET ${home}/blobs/${at.blob.digest}`,
  ]);
  assert.equal(proxy.requests[0]!.headers.get("user-agent"), "pullama/test");
});

Deno.test("case 63: NO_PROXY is respected, and this machine is reached directly", async () => {
  await using at = await hidden({ tls });
  await using proxy = await startProxy({ hosts });
  const env = { HTTPS_PROXY: `http://${proxy.host}` };
  using direct = through(env);
  await assertPulls(direct, { ...at, name: { ...at.name, host: at.registry.host } });
  using excepted = through({ ...env, NO_PROXY: ".example" });
  const error = await failureOf(excepted.manifest(at.name, never()));
  assert.match(error.message, /registry\.example:\d+: the host name cannot be resolved$/);
  assert.equal(proxy.connections, 0);
});

Deno.test("case 63: the proxy is chosen for each redirect", async () => {
  await using at = await hidden({ tls, blobHosts: 1, blobHostName: "cdn.example" });
  await using first = await startProxy({ hosts });
  await using second = await startProxy({ hosts });
  const env = { HTTPS_PROXY: first.host, HTTP_PROXY: second.host };
  using source = through(env);
  await assertPulls(source, at);
  const [cdn] = at.registry.blobHosts;
  assert.deepEqual(targets(first), [
    `CONNECT registry.example:${at.port}`,
    `CONNECT ${cdn}`,
  ]);
  assert.equal(second.connections, 0);
});

Deno.test("case 44: redirects to internal addresses are refused through a proxy as well", async () => {
  await using at = await hidden({ tls });
  await using proxy = await startProxy({ hosts });
  using source = through({ HTTPS_PROXY: proxy.host });
  for (const inside of ["https://10.1.2.3/", "https://169.254.169.254/", "https://127.0.0.1/"]) {
    at.registry.faults.manifest = () => redirect(inside);
    const error = await failureOf(source.manifest(at.name, never()));
    assert.equal(error.kind, "redirect");
  }
  assert.deepEqual(targets(proxy), [`CONNECT registry.example:${at.port}`]);
});

for (const kind of ["http", "https", "socks5"]) {
  for (const scheme of ["http", "https"]) {
    Deno.test(`a ${kind} proxy gets its login for ${scheme}, and a rejected login is reported`, async () => {
      await using at = await hidden(scheme === "https" ? { tls } : {});
      await using proxy = await (kind === "socks5"
        ? startSocks({ hosts, login })
        : startProxy({ hosts, login, ...(kind === "https" && { tls }) }));
      const open = (user: string) => {
        const url = `${kind}://${user}${proxy.host}`;
        return new RegistrySource({
          userAgent: "pullama/test",
          caCerts: [authority],
          insecure: scheme === "http",
          proxyFor: proxiesIn((name) =>
            ({ HTTP_PROXY: url, HTTPS_PROXY: url, NO_PROXY: "no" })[name]
          ),
        });
      };
      using right = open(`${login.username}:${encodeURIComponent(login.password)}@`);
      await assertPulls(right, at);
      const before = at.registry.requests.length;
      for (
        const [user, says] of [
          ["", /proxy authentication required$/],
          ["someone:5ec4et@", /the proxy rejected the user name and password$/],
        ] as const
      ) {
        using wrong = open(user);
        const error = await failureOf(wrong.manifest(at.name, never()));
        assert.equal(error.kind, "auth", error.message);
        assert.ok(
          error.message.includes(`registry.example:${at.port} through the proxy ${proxy.host}`),
        );
        assert.match(error.message, says);
        const variable = `${scheme.toUpperCase()}_PROXY`;
        assert.ok(
          error.hint!.includes(
            `set user name and password in ${variable}: user:password@${proxy.host}`,
          ),
        );
        assert.doesNotMatch(Deno.inspect(error), /5ec4et/);
      }
      assert.equal(at.registry.requests.length, before);
      // Deno sends the login of the proxy through the tunnel as well.
      const real = Buffer.from(`${login.username}:${login.password}`).toString("base64");
      for (const { headers } of at.registry.requests) {
        assert.ok(!JSON.stringify([...headers]).includes(real));
      }
    });
  }
}

/** Refusals of a proxy, and the errors they cause. */
const REFUSALS: readonly (readonly [how: ProxyOptions, kind: string, says: RegExp])[] = [
  [{ refusal: "403 Filtered" }, "refused", /the proxy responded with 403 Filtered$/],
  [{ refusal: "502 Bad Gateway" }, "unavailable", /the proxy responded with 502 Bad Gateway$/],
  [{ refusal: "429 Slow down" }, "unavailable", /the proxy responded with 429 Slow down$/],
  [{}, "unavailable", /the proxy responded with 502 Bad Gateway$/],
];
for (const [how, kind, says] of REFUSALS) {
  Deno.test(`a proxy that responds with ${how.refusal ?? "502 for an unknown host"} is named`, async () => {
    await using proxy = await startProxy(how);
    using source = through({ HTTPS_PROXY: `http://u:5ec4et@${proxy.host}` });
    const name = parseName("unknown.invalid/library/tiny");
    const error = await failureOf(source.manifest(name, never()));
    assert.equal(error.kind, kind);
    assert.match(error.message, says);
    assert.ok(error.message.includes(`unknown.invalid through the proxy ${proxy.host}`));
    assert.match(error.hint!, /add unknown\.invalid to NO_PROXY/);
    assert.doesNotMatch(Deno.inspect(error), /5ec4et/);
  });
}

Deno.test("a SOCKS proxy that refuses is named", async () => {
  const name = parseName("unknown.invalid/library/tiny");
  for (
    const [refusal, kind, says] of [[2, "refused", /not allow the connection/], [
      4,
      "network",
      /Host/,
    ]] as const
  ) {
    await using proxy = await startSocks({ refusal });
    using source = through({ HTTPS_PROXY: `socks5://${proxy.host}` });
    const error = await failureOf(source.manifest(name, never()));
    assert.equal(error.kind, kind);
    assert.match(error.message, says);
    assert.ok(error.message.includes(proxy.host));
    assert.deepEqual([...new Set(proxy.targets)], ["unknown.invalid:443"]);
  }
});

Deno.test("an unreachable proxy is distinguished from an unreachable host", async () => {
  const proxy = await startProxy();
  await proxy[Symbol.asyncDispose]();
  const name = parseName("registry.example/library/tiny");
  for (
    const [url, says] of [
      [`http://${proxy.host}`, /connection refused by the proxy$/],
      [`https://${proxy.host}`, /connection refused by the proxy$/],
      [`http://u:5ec4et@${proxy.host}`, /connection refused by the proxy$/],
      ["http://u:5ec4et@unknown.invalid:3128", /the host name of the proxy cannot be resolved$/],
      [`socks5://${proxy.host}`, /the proxy cannot be reached$/],
      ["http://unknown.invalid:3128", /the host name of the proxy cannot be resolved$/],
      ["socks5://unknown.invalid", /the host name of the proxy cannot be resolved$/],
    ] as const
  ) {
    using source = through({ https_proxy: url });
    const error = await failureOf(source.manifest(name, never()));
    assert.equal(error.kind, "network");
    assert.match(error.message, says);
    assert.match(error.message, /^cannot reach registry\.example through the proxy /);
    assert.match(error.hint!, /https_proxy/);
    assert.doesNotMatch(Deno.inspect(error), /5ec4et/);
  }
});

Deno.test("case 62: behind a proxy, the error names the invalid certificate and its issuer", async () => {
  const name = parseName("registry.example/library/tiny");
  const of = async (at: { readonly host: string }, trusted: string[], hosts: ProxyOptions) => {
    await using proxy = await startProxy(hosts);
    const scheme = hosts.tls ? "https" : "http";
    using source = through({ HTTPS_PROXY: `${scheme}://${proxy.host}` }, trusted);
    const host = `registry.example:${portOf(at.host)}`;
    const error = await failureOf(source.manifest({ ...name, host }, never()));
    assert.equal(error.kind, "tls");
    assert.equal(error instanceof PullamaError && error.message.includes(proxy.host), true);
    return error.message.replace(/^.*: /, "");
  };
  const by = "Example Root CA (Example Corp)";
  await using right = await startRegistry({ tls });
  await using wrong = await startRegistry({ tls: { cert: elsewhere, key } });
  assert.equal(
    await of(right, [], { hosts }),
    `registry.example's certificate is signed by an unknown authority, ${by}`,
  );
  assert.equal(
    await of(wrong, [authority], { hosts }),
    `registry.example's certificate is for other.example, not for this host (issued by ${by})`,
  );
  assert.equal(
    await of(right, [], { hosts, tls }),
    `the proxy's certificate is signed by an unknown authority, ${by}`,
  );
  assert.equal(
    await of(right, [authority], { hosts, tls: { cert: expired, key } }),
    `the proxy's certificate expired on 2020-02-01 (issued by ${by})`,
  );
  assert.equal(
    await of(wrong, [authority], { hosts, tls }),
    "registry.example's certificate is for other.example, not for this host",
  );
  const asked: Registry[] = [right, wrong];
  assert.deepEqual(asked.map(({ requests }) => requests.length), [0, 0]);
});
