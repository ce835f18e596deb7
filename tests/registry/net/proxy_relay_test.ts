import assert from "node:assert/strict";
import { PullamaError } from "../../../src/core/errors.ts";
import { settledWithin } from "../../../src/io/abort.ts";
import { Http } from "../../../src/registry/http/http.ts";
import { ProxyRelay } from "../../../src/registry/net/proxy_relay.ts";
import { basicLogin, proxiesIn } from "../../../src/registry/net/proxy.ts";
import { authority, good, key } from "../../fakes/authority.ts";
import { portOf } from "../../fakes/listen.ts";
import { startProxy } from "../../fakes/proxy.ts";
import { startRegistry } from "../../fakes/registry.ts";
import { failureOf, never } from "../world.ts";

const login = { username: "someone", password: "swordfish-7391" };
const hosts = { "registry.example": "127.0.0.1" };

async function world() {
  const proxy = await startProxy({ login, hosts });
  const registry = await startRegistry({ tls: { cert: good, key } });
  const url = `http://${login.username}:${login.password}@${proxy.host}`;
  const proxyFor = proxiesIn((name) => name === "HTTPS_PROXY" ? url : undefined);
  const port = portOf(registry.host);
  return {
    proxy,
    registry,
    proxyFor,
    url: (path: string) => new URL(`https://registry.example:${port}${path}`),
    async [Symbol.asyncDispose]() {
      await registry.close();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

Deno.test("ProxyRelay closes connections without its password", async () => {
  await using w = await world();
  const proxy = w.proxyFor(w.url("/"))!;
  using relay = new ProxyRelay(proxy);
  const { host, port } = relay.local;
  assert.notEqual(relay.local.login!.password, login.password);
  for (const shown of [undefined, "Basic eDp5", basicLogin(proxy)]) {
    using client = await Deno.connect({ hostname: host, port });
    const fields = shown === undefined ? "" : `Proxy-Authorization: ${shown}\r\n`;
    const target = w.url("/").host;
    await client.write(
      new TextEncoder().encode(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${fields}\r\n`),
    );
    assert.equal(await client.read(new Uint8Array(100)), null);
  }
  assert.equal(w.proxy.connections, 0);
});

Deno.test("ProxyRelay serves further connections after some could not be accepted", async () => {
  await using w = await world();
  const errors = [
    new Deno.errors.ConnectionAborted("Software caused connection abort (os error 53)"),
    Object.assign(new Error("Too many open files (os error 24)"), { code: "EMFILE" }),
  ];
  const { listen } = Deno;
  using restored = new DisposableStack();
  restored.defer(() => void Object.assign(Deno, { listen }));
  Deno.listen = ((options: Deno.TcpListenOptions) => {
    const listener = listen(options);
    const accept = listener.accept.bind(listener);
    listener.accept = () => errors.length > 0 ? Promise.reject(errors.shift()) : accept();
    return listener;
  }) as typeof listen;
  using relay = new ProxyRelay(w.proxyFor(w.url("/"))!);
  const { host, port } = relay.local;
  using client = await Deno.connect({ hostname: host, port });
  const target = w.url("/").host;
  const login = `Proxy-Authorization: ${basicLogin(relay.local)}`;
  await client.write(
    new TextEncoder().encode(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${login}\r\n\r\n`),
  );
  const answer = client.read(new Uint8Array(12)).catch(() => null);
  assert.ok(await settledWithin(answer, 5000), "it answers nothing");
  assert.equal(await answer, 12);
  assert.equal(w.proxy.connections, 1);
});

Deno.test("a body through a proxy with a password continues while other connections are dropped", async () => {
  await using w = await world();
  using http = new Http({
    userAgent: "pullama/test",
    caCerts: [authority],
    proxyFor: w.proxyFor,
  });
  w.registry.faults.other = ({ path }) => {
    if (path === "/silent") return { delayMs: Infinity };
    return { status: 200, body: "1234567890".repeat(20_000), bytesPerSecond: 2_000_000 };
  };
  const long = await http.get(w.url("/long"), { signal: never() });
  const attempt = new AbortController();
  const silent = failureOf(http.get(w.url("/silent"), { signal: attempt.signal }));
  attempt.abort(new PullamaError("timeout", "stop"));
  assert.equal((await silent).kind, "timeout");
  assert.equal((await long.text()).length, 200_000);
  const again = await http.get(w.url("/again"), { signal: never() });
  assert.equal((await again.text()).length, 200_000);
  assert.ok(w.proxy.requests.length >= 2);
});
