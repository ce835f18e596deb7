import assert from "node:assert/strict";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import { PullamaError } from "../../../src/core/errors.ts";
import { parseName } from "../../../src/core/name.ts";
import { settledWithin } from "../../../src/io/abort.ts";
import { explain } from "../../../src/registry/diagnose/explain.ts";
import { networkError } from "../../../src/registry/diagnose/network_error.ts";
import { proxiesIn } from "../../../src/registry/net/proxy.ts";
import { RegistrySource } from "../../../src/registry/source.ts";
import { good, key } from "../../fakes/authority.ts";
import { startProxy } from "../../fakes/proxy.ts";
import { startRelay } from "../../fakes/relay.ts";
import { failureOf, never } from "../world.ts";

const tls = { cert: good, key };

/** Why the manifest of a model at `host` cannot be fetched. */
async function failure(
  host: string,
  { env = {}, insecure = false }: { env?: Record<string, string>; insecure?: boolean } = {},
): Promise<PullamaError> {
  using source = new RegistrySource({
    userAgent: "pullama/test",
    insecure,
    headerTimeoutMs: 500,
    proxyFor: proxiesIn((name) => env[name]),
  });
  return await failureOf(source.manifest(parseName(`${host}/library/tiny`), never()));
}

/** A proxy that does not take connections until `arrive`; `closed` resolves when such a one is closed. */
function silentProxy() {
  const { connect, connectTls } = Deno;
  const { promise, resolve } = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const pending = async () => {
    asked.resolve();
    await promise;
    return { close: closed.resolve };
  };
  Object.assign(Deno, { connect: pending, connectTls: pending });
  return {
    asked: asked.promise,
    arrive: resolve,
    closed: closed.promise,
    [Symbol.dispose]: () => void Object.assign(Deno, { connect, connectTls }),
  };
}

/** A server that waits for bytes that contain `end`, and then sends `response`. */
function server(response: string, end = "") {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async (connection: Deno.TcpConn) => {
    using client = connection;
    const buffer = new Uint8Array(16_384);
    for (let text = ""; text === "" || !text.includes(end);) {
      const count = await client.read(buffer);
      if (count === null) return;
      text += String.fromCharCode(...buffer.subarray(0, count));
    }
    await client.write(new TextEncoder().encode(response));
  };
  const serving = (async () => {
    const all: Promise<void>[] = [];
    for await (const connection of listener) all.push(serve(connection).catch(() => {}));
    await Promise.all(all);
  })();
  return {
    host: `127.0.0.1:${listener.addr.port}`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

const PAGE = "<html><head><title>Access\n blocked &amp; logged</title></head></html>";
const page = (status: string) =>
  `HTTP/1.1 ${status}\r\ncontent-type: text/html\r\ncontent-length: ${PAGE.length}\r\n\r\n${PAGE}`;

for (const [what, waitFor] of [["waits for a line", "\r\n\r\n"], ["rejects TLS", ""]] as const) {
  for (const insecure of [false, true]) {
    const scheme = insecure ? "http" : "https";
    Deno.test(`a https:// URL of a proxy without TLS that ${what} is reported for ${scheme}`, async () => {
      await using proxy = server("HTTP/1.1 400 Bad Request\r\n\r\n", waitFor);
      const variable = insecure ? "HTTP_PROXY" : "HTTPS_PROXY";
      const env = { [variable]: `https://u:swordfish@${proxy.host}` };
      const { kind, message, hint } = await failure("registry.example", { env, insecure });
      assert.deepEqual([kind, message], [
        "tls",
        `cannot reach registry.example through the proxy ${proxy.host}: the proxy does not speak TLS`,
      ]);
      assert.ok(hint!.includes(`${variable} with http://, as in http://${proxy.host}`), hint);
    });
  }
}

for (const insecure of [false, true]) {
  const scheme = insecure ? "http" : "https";
  Deno.test(`a http:// URL of a proxy with TLS is reported for ${scheme}`, async () => {
    await using proxy = await startProxy({ tls });
    const variable = insecure ? "HTTP_PROXY" : "HTTPS_PROXY";
    const env = { [variable]: `http://${proxy.host}` };
    const { kind, message, hint } = await failure("registry.example", { env, insecure });
    assert.equal(kind, "tls", message);
    assert.match(message, /: the proxy speaks TLS, not plain http$/);
    assert.ok(hint!.includes(`${variable} with https://, as in https://${proxy.host}`), hint);
  });
}

Deno.test("plain http to a port that speaks TLS is final, whatever the server makes of it", async () => {
  await using odd = await startRelay({ tls }, () => Promise.resolve());
  const clear = https.createServer(tls);
  await new Promise<void>((resolve) => clear.listen(0, "127.0.0.1", resolve));
  const { port } = clear.address() as AddressInfo;
  for (const host of [odd.host, `127.0.0.1:${port}`]) {
    const { kind, message, hint } = await failure(host, { insecure: true });
    assert.deepEqual([kind, message], [
      "tls",
      `cannot reach ${host}: it speaks TLS, not plain http`,
    ]);
    assert.match(hint!, /leave out --insecure and http:\/\//);
  }
  await new Promise((resolve) => clear.close(resolve));
});

Deno.test("a plain http server that rejects a request or breaks off is not taken for another", async () => {
  await using rejects = server("HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\nno");
  assert.equal((await failure(rejects.host, { insecure: true })).kind, "refused");
  await using breaks = server("");
  assert.equal((await failure(breaks.host, { insecure: true })).kind, "network");
});

for (
  const [status, kind] of [["403 Forbidden", "auth"], ["502 Bad Gateway", "unavailable"]] as const
) {
  Deno.test(`a ${status} of a proxy names it, quotes the title of its page, and says what to check`, async () => {
    await using proxy = server(page(status));
    const env = { HTTP_PROXY: `http://${proxy.host}` };
    using source = new RegistrySource({
      userAgent: "pullama/test",
      insecure: true,
      proxyFor: proxiesIn((name) => (env as Record<string, string>)[name]),
    });
    const name = parseName("registry.example/library/tiny");
    await failureOf(source.manifest(name, never()));
    const error = await failureOf(source.manifest(name, never()));
    assert.equal(error.kind, kind);
    assert.ok(error.message.includes(`registry.example or the proxy ${proxy.host}`), error.message);
    assert.ok(error.message.endsWith('an HTML page titled "Access blocked & logged"'));
    assert.equal(
      error.hint,
      "if the proxy sent this, check HTTP_PROXY, or add registry.example to NO_PROXY",
    );
    const digest = `sha256:${"0".repeat(64)}` as const;
    const blob = { mediaType: "m", digest, size: 100 };
    const all = { start: 0, end: 100 };
    const ofBlob = await failureOf(source.open(name, blob, all, never()));
    assert.ok(ofBlob.message.startsWith(`registry.example or the proxy ${proxy.host} `));
    assert.ok(ofBlob.message.endsWith('"Access blocked & logged"'), ofBlob.message);
    assert.equal(ofBlob.hint, error.hint);
  });
}

Deno.test("a login page in place of a manifest or a blob is quoted by its title", async () => {
  await using portal = server(page("200 OK"));
  using source = new RegistrySource({ userAgent: "pullama/test", insecure: true });
  const name = parseName(`${portal.host}/library/tiny`);
  const manifest = await failureOf(source.manifest(name, never()));
  assert.match(manifest.message, /the response is a web page titled "Access blocked & logged"$/);
  const digest = `sha256:${"0".repeat(64)}` as const;
  const blob = { mediaType: "m", digest, size: 1 << 21 };
  const all = { start: 0, end: blob.size };
  const { message } = await failureOf(source.open(name, blob, all, never()));
  assert.match(message, / sent an HTML page titled "Access blocked & logged" instead of blob /);
});

Deno.test("networkError() reports servers without a version of TLS or a cipher in common", () => {
  const reason = (text: string) => {
    const error = new TypeError("fetch failed", { cause: new Error(text) });
    const { kind, message, hint } = networkError(error, "h", "head");
    assert.deepEqual([kind, hint?.includes("TLS 1.2 or 1.3")], ["tls", true]);
    return message;
  };
  const connect = "client error (Connect): ";
  assert.match(
    reason(`${connect}received fatal alert: ProtocolVersion`),
    /no TLS version after 1\.1/,
  );
  const old = "peer is incompatible: ServerDoesNotSupportTls12Or13";
  assert.match(reason(connect + old), /no TLS version after 1\.1/);
  assert.match(
    reason(`${connect}received fatal alert: HandshakeFailure`),
    /no TLS cipher in common/,
  );
});

Deno.test("a signal ends the diagnosis behind a proxy that takes no connection", async () => {
  const errors = {
    timeout: new PullamaError("timeout", "no response after 30 s"),
    tls: new TypeError("error sending request: invalid peer certificate: UnknownIssuer"),
  };
  for (const [kind, error] of Object.entries(errors)) {
    using silent = silentProxy();
    const stop = new AbortController();
    const url = new URL("https://registry.example/v2/");
    const proxy = proxiesIn((name) =>
      name === "https_proxy" ? "https://192.0.2.1:3128" : undefined
    )(
      url,
    );
    const diagnosis = explain(error, {
      url,
      proxy,
      hasResponded: false,
      caCerts: [],
      signal: stop.signal,
    });
    await silent.asked;
    stop.abort(new Error("stopped"));
    assert.ok(await settledWithin(diagnosis, 2000), `it does not end: ${kind}`);
    assert.equal((await diagnosis).kind, kind);
    silent.arrive();
    assert.ok(await settledWithin(silent.closed, 2000), "the late connection stays open");
  }
});
