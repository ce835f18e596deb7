import assert from "node:assert/strict";
import { PullamaError } from "../../../src/core/errors.ts";
import {
  closedBeforeResponse,
  networkError,
} from "../../../src/registry/diagnose/network_error.ts";
import { Http } from "../../../src/registry/http/http.ts";
import { proxiesIn, type Proxy } from "../../../src/registry/net/proxy.ts";
import { startServer } from "../../fakes/wire.ts";
import { failureOf, never } from "../world.ts";

const MISLEADING_URL = "https://h/blobs/403?X-Amz-Signature=401invalid%20peer%20certificate" +
  "dns%20error&token=invalid+peer+certificate";

/** The same error as thrown by Deno 2.9 and by Deno 2.6. */
function forms(text: string): TypeError[] {
  return [new TypeError("fetch failed", { cause: new Error(text) }), new TypeError(text)];
}

const connect = `error sending request for url (${MISLEADING_URL}): client error (Connect): `;
const certificate = `${connect}invalid peer certificate: certificate`;
const sending = `error sending request from 127.0.0.1:1 for ${MISLEADING_URL} (127.0.0.1:2): ` +
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
  [`${connect}tcp connect error: No route to host (os error 113)`, "network", /no route to host$/],
  [`${connect}tcp connect error: Connection timed out (os error 110)`, "network", /timed out$/],
  [`${connect}dns error: failed to lookup address information`, "network", /cannot be resolved$/],
  [`${connect}invalid peer certificate: UnknownIssuer`, "tls", /signed by an unknown authority$/],
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
    /is a CA certificate, which is not valid for a server$/,
  ],
  [`${connect}invalid peer certificate: BadSignature`, "tls", /is not valid: BadSignature$/],
  [`${connect}received corrupt message of type InvalidContentType`, "tls", /does not speak TLS$/],
  [`${connect}tls handshake eof`, "network", /closed during the TLS handshake$/],
  [
    `${sending}connection closed before message completed`,
    "network",
    /connection closed before a response$/,
  ],
  [`${sending}invalid HTTP version parsed`, "protocol", /invalid HTTP version parsed$/],
  [`${sending}something new`, "network", /h: something new$/],
  ["Fetch failed: Requests to port 1 are blocked", "refused", /port 1 /],
];
for (const [text, kind, message] of known) {
  Deno.test(`networkError() maps "${text.slice(-45)}" to ${kind} in both forms`, () => {
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
    /connection refused by the proxy/,
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
    /host name of the proxy cannot/,
  ],
  ["failed to lookup address information: x", socks, "network", /host name of the proxy cannot/],
  [
    "proxy authentication required",
    proxy,
    "auth",
    /the proxy rejected the user name and password$/,
  ],
  ["Password auth failure, code: 1", socks, "auth", /rejected the user name and/],
  [
    "No acceptable auth methods",
    { ...socks, login: undefined as never },
    "auth",
    /proxy authentication required$/,
  ],
  ["unsuccessful tunnel", proxy, "network", /the proxy did not open a tunnel$/],
  ["unexpected eof while tunneling", proxy, "network", /the proxy closed the connection$/],
  ["Proxy server unreachable", socks, "network", /the proxy cannot be reached$/],
  [
    "Connection refused",
    socks,
    "network",
    /the proxy cannot connect to the host: Connection refused$/,
  ],
  [
    "Network unreachable",
    socks,
    "network",
    /the proxy cannot connect to the host: Network unreachable$/,
  ],
  [
    "Connection not allowed by ruleset",
    socks,
    "refused",
    /the proxy does not allow the connection$/,
  ],
  ["Invalid response version", socks, "protocol", /invalid response from the proxy$/],
];
for (const [text, through, kind, says] of atProxy) {
  Deno.test(`networkError() attributes "${text}" to the ${through.protocol}// proxy`, () => {
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

Deno.test("networkError() maps the response of the proxy", () => {
  const [thrown] = forms(`${connect}unsuccessful tunnel`);
  const kindOf = (status: number, phrase = "") => {
    const { kind, message } = networkError(thrown, "h", "head", {
      proxy,
      response: { status, phrase },
    });
    return [kind, message.replace(/^.*: /, "")];
  };
  assert.deepEqual(kindOf(403, "Filtered"), ["refused", "the proxy responded with 403 Filtered"]);
  assert.deepEqual(kindOf(503), ["unavailable", "the proxy responded with 503"]);
  assert.deepEqual(kindOf(429), ["unavailable", "the proxy responded with 429"]);
  assert.equal(kindOf(407)[0], "auth");
  assert.deepEqual(kindOf(200), ["network", "the proxy did not open a tunnel"]);
});

Deno.test("case 58: the text of the URL has no effect, and is not kept", () => {
  for (const thrown of forms(`${connect}dns error: failed to lookup`)) {
    const error = networkError(thrown, "h", "head");
    assert.equal(error.kind, "network");
    const all = `${error.message} ${error.hint} ${(error.cause as Error).message} ${error.stack}`;
    assert.doesNotMatch(all, /Signature|token=|401|403/);
  }
});

Deno.test("networkError() returns our errors unchanged and maps the platform's aborts", () => {
  const ours = new PullamaError("timeout", "stalled");
  assert.equal(networkError(ours, "h", "body"), ours);
  const kindOf = (error: unknown) => networkError(error, "h", "body").kind;
  assert.equal(kindOf(AbortSignal.abort().reason), "interrupted");
  assert.equal(kindOf(new DOMException("late", "TimeoutError")), "timeout");
  assert.equal(kindOf(new Deno.errors.NotCapable("net")), "internal");
  assert.equal(kindOf(new Deno.errors.BadResource("closed")), "internal");
  assert.equal(kindOf("text"), "network");
});

Deno.test("networkError() has no reason for an incomplete body", () => {
  const thrown = new TypeError("error reading a body from connection");
  const error = networkError(thrown, "h", "body");
  assert.deepEqual([error.kind, error.message], ["network", "lost the connection to h"]);
});

Deno.test("closedBeforeResponse() distinguishes a closed connection from a failed one", () => {
  const reset = "Connection reset by peer (os error 104)";
  const dropped = [
    reset,
    `${sending}connection closed before message completed`,
    `${sending}connection error: ${reset}`,
  ];
  for (const error of dropped.flatMap(forms)) assert.ok(closedBeforeResponse(error));
  const never = [
    `${connect}dns error: x`,
    `${connect}tcp connect error: Connection refused (os error 111)`,
  ];
  for (const error of never.flatMap(forms)) assert.ok(!closedBeforeResponse(error));
  assert.ok(!closedBeforeResponse(new PullamaError("network", reset)));
});

Deno.test("a closed port is reported as connection refused", async () => {
  const server = await startServer({
    server: "registry",
    log: [],
    answer: () => Promise.reject(new Error("no request expected")),
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
