import assert from "node:assert/strict";
import { PullamaError } from "../../../src/core/errors.ts";
import { endedBeforeAnswer, networkError } from "../../../src/registry/diagnose/network_error.ts";
import { Http } from "../../../src/registry/http/http.ts";
import { proxiesIn, type Proxy } from "../../../src/registry/net/proxy.ts";
import { startServer } from "../../fakes/wire.ts";
import { failureOf, never } from "../world.ts";

const URL_WITH_WORDS = "https://h/blobs/403?X-Amz-Signature=401invalid%20peer%20certificate" +
  "dns%20error&token=invalid+peer+certificate";

/** The same failure as Deno 2.9 and as Deno 2.6 throw it. */
function forms(text: string): TypeError[] {
  return [new TypeError("fetch failed", { cause: new Error(text) }), new TypeError(text)];
}

const connect = `error sending request for url (${URL_WITH_WORDS}): client error (Connect): `;
const certificate = `${connect}invalid peer certificate: certificate`;
const sending = `error sending request from 127.0.0.1:1 for ${URL_WITH_WORDS} (127.0.0.1:2): ` +
  "client error (SendRequest): ";

const known: readonly [string, string, RegExp][] = [
  [
    `${connect}tcp connect error: Connection refused (os error 111)`,
    "network",
    /connection refused$/,
  ],
  [
    `${connect}tcp connect error: Es konnte keine (os error 10061)`,
    "network",
    /connection refused$/,
  ],
  [`${connect}tcp connect error: No route to host (os error 113)`, "network", /no route to it$/],
  [`${connect}tcp connect error: Connection timed out (os error 110)`, "network", /timed out$/],
  [`${connect}dns error: failed to lookup address information`, "network", /cannot be resolved$/],
  [`${connect}invalid peer certificate: UnknownIssuer`, "tls", /authority that is not trusted$/],
  [
    `${certificate} not valid for name "h"; certificate is only valid for DnsName("a.example") or ` +
    'IpAddress(10.0.0.1) or DnsName("b.example") or DnsName("c.example")',
    "tls",
    /its certificate is for a\.example, 10\.0\.0\.1, b\.example, not for this host$/,
  ],
  [
    `${certificate} not valid for name "h"; certificate is not valid for any names`,
    "tls",
    /its certificate is for another host$/,
  ],
  [`${connect}invalid peer certificate: NotValidForName`, "tls", /is for another host$/],
  [
    `${certificate} expired: verification time 2000000000 (UNIX), but certificate is not valid after 1580515200`,
    "tls",
    /its certificate expired on 2020-02-01$/,
  ],
  [
    `${certificate} not valid yet: verification time 1 (UNIX), but certificate is not valid before 4102444800`,
    "tls",
    /its certificate is not valid before 2100-01-01$/,
  ],
  [`${connect}invalid peer certificate: Expired`, "tls", /its certificate expired$/],
  [`${connect}invalid peer certificate: NotValidYet`, "tls", /its certificate is not valid yet$/],
  [
    `${connect}invalid peer certificate: CaUsedAsEndEntity`,
    "tls",
    /is that of an authority, which no server may use as its own$/,
  ],
  [`${connect}invalid peer certificate: BadSignature`, "tls", /is not valid: BadSignature$/],
  [`${connect}received corrupt message of type InvalidContentType`, "tls", /does not speak TLS$/],
  [`${connect}tls handshake eof`, "network", /tls handshake eof$/],
  [`${sending}connection closed before message completed`, "network", /ended before the answer$/],
  [`${sending}invalid HTTP version parsed`, "protocol", /invalid HTTP version parsed$/],
  [`${sending}something new`, "network", /h: something new$/],
  ["Fetch failed: Requests to port 1 are blocked", "refused", /port 1 /],
];
for (const [text, kind, message] of known) {
  Deno.test(`networkError() says ${kind} of "${text.slice(-45)}" in both forms`, () => {
    for (const thrown of forms(text)) {
      const error = networkError(thrown, "h", "head");
      assert.equal(error.kind, kind);
      assert.match(error.message, message);
      assert.match(error.message, /^cannot reach h: /);
    }
  });
}

const proxy = proxiesIn(() => "http://u:5ec4et@p:3128")(new URL("https://h/"))!;
const socks = { ...proxy, protocol: "socks5:" as const };
const atProxy: readonly (readonly [string, Proxy, string, RegExp])[] = [
  [
    "tcp connect error: Connection refused (os error 111)",
    proxy,
    "network",
    /the proxy refuses the/,
  ],
  [
    "tcp connect error: Zeit\u00fcberschreitung (os error 10060)",
    proxy,
    "network",
    /to the proxy timed/,
  ],
  [
    "tcp connect error: No route to host (os error 113)",
    proxy,
    "network",
    /no route to the proxy$/,
  ],
  [
    "dns error: failed to lookup address information: x",
    proxy,
    "network",
    /name of the proxy cannot/,
  ],
  ["failed to lookup address information: x", socks, "network", /name of the proxy cannot/],
  [
    "proxy authentication required",
    proxy,
    "auth",
    /does not accept the user name and the password$/,
  ],
  ["Password auth failure, code: 1", socks, "auth", /does not accept the user name and the/],
  [
    "No acceptable auth methods",
    { ...socks, login: undefined as never },
    "auth",
    /wants a user name/,
  ],
  ["unsuccessful tunnel", proxy, "network", /the proxy does not connect to it$/],
  ["unexpected eof while tunneling", proxy, "network", /the proxy ended the connection$/],
  ["Proxy server unreachable", socks, "network", /the proxy cannot be reached$/],
  ["Connection refused", socks, "network", /the proxy cannot connect to it: Connection refused$/],
  ["Network unreachable", socks, "network", /the proxy cannot connect to it: Network unreachable$/],
  ["Connection not allowed by ruleset", socks, "refused", /the proxy does not allow it$/],
  ["Invalid response version", socks, "protocol", /it does not answer as a proxy$/],
];
for (const [text, through, kind, says] of atProxy) {
  Deno.test(`networkError() tells that "${text}" happened at the ${through.protocol}// proxy`, () => {
    for (const thrown of forms(connect + text)) {
      const error = networkError(thrown, "h:5000", "head", { proxy: through });
      assert.equal(error.kind, kind);
      assert.match(error.message, /^cannot reach h:5000 through the proxy p:3128: /);
      assert.match(error.message, says);
      assert.match(error.hint!, /HTTPS_PROXY|NO_PROXY/);
      assert.doesNotMatch(Deno.inspect(error), /5ec4et/);
    }
  });
}

Deno.test("networkError() takes what the proxy has answered for what it means", () => {
  const [thrown] = forms(`${connect}unsuccessful tunnel`);
  const kindOf = (status: number, words = "") => {
    const { kind, message } = networkError(thrown, "h", "head", {
      proxy,
      answer: { status, words },
    });
    return [kind, message.replace(/^.*: /, "")];
  };
  assert.deepEqual(kindOf(403, "Filtered"), ["refused", "the proxy answers 403 Filtered"]);
  assert.deepEqual(kindOf(503), ["unavailable", "the proxy answers 503"]);
  assert.deepEqual(kindOf(429), ["unavailable", "the proxy answers 429"]);
  assert.equal(kindOf(407)[0], "auth");
  assert.deepEqual(kindOf(200), ["network", "the proxy does not connect to it"]);
});

Deno.test("case 58: no word of the URL decides, and none of it is kept", () => {
  for (const thrown of forms(`${connect}dns error: failed to lookup`)) {
    const error = networkError(thrown, "h", "head");
    assert.equal(error.kind, "network");
    const all = `${error.message} ${error.hint} ${(error.cause as Error).message} ${error.stack}`;
    assert.doesNotMatch(all, /Signature|token=|401|403/);
  }
});

Deno.test("networkError() hands on what is ours and knows the platform's own aborts", () => {
  const ours = new PullamaError("timeout", "silent");
  assert.equal(networkError(ours, "h", "body"), ours);
  const kindOf = (error: unknown) => networkError(error, "h", "body").kind;
  assert.equal(kindOf(AbortSignal.abort().reason), "interrupted");
  assert.equal(kindOf(new DOMException("late", "TimeoutError")), "timeout");
  assert.equal(kindOf(new Deno.errors.NotCapable("net")), "internal");
  assert.equal(kindOf(new Deno.errors.BadResource("closed")), "internal");
  assert.equal(kindOf("text"), "network");
});

Deno.test("networkError() says of a body only that it was cut", () => {
  const thrown = new TypeError("error reading a body from connection");
  const error = networkError(thrown, "h", "body");
  assert.deepEqual([error.kind, error.message], ["network", "lost the connection to h"]);
});

Deno.test("endedBeforeAnswer() tells a dropped connection from one that was never made", () => {
  const reset = "Connection reset by peer (os error 104)";
  const dropped = [
    reset,
    `${sending}connection closed before message completed`,
    `${sending}connection error: ${reset}`,
  ];
  for (const error of dropped.flatMap(forms)) assert.ok(endedBeforeAnswer(error));
  const never = [
    `${connect}dns error: x`,
    `${connect}tcp connect error: Connection refused (os error 111)`,
  ];
  for (const error of never.flatMap(forms)) assert.ok(!endedBeforeAnswer(error));
  assert.ok(!endedBeforeAnswer(new PullamaError("network", reset)));
});

Deno.test("a port where nobody listens is a refused connection", async () => {
  const server = await startServer({
    server: "registry",
    log: [],
    answer: () => Promise.reject(new Error("nobody asks")),
  });
  await server.close();
  using http = new Http({ userAgent: "pullama/test" });
  const url = new URL(`http://${server.host}/x?X-Amz-Signature=5ec4e7`);
  const error = await failureOf(http.get(url, { signal: never() }));
  assert.deepEqual([error.kind, error.message], [
    "network",
    `cannot reach ${server.host}: connection refused`,
  ]);
  assert.match(error.hint!, /network/);
  assert.doesNotMatch(Deno.inspect(error), /5ec4e7/);
});
