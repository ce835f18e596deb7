import assert from "node:assert/strict";
import { PullamaError } from "../../src/core/errors.ts";
import { endedBeforeAnswer, networkFailure } from "../../src/registry/failure.ts";
import { Http } from "../../src/registry/http.ts";
import { startServer } from "../fakes/wire.ts";
import { failureOf, never } from "./world.ts";

const URL_WITH_WORDS = "https://h/blobs/403?X-Amz-Signature=401invalid%20peer%20certificate" +
  "dns%20error&token=invalid+peer+certificate";

/** The same failure as Deno 2.9 and as Deno 2.6 throw it. */
function forms(text: string): TypeError[] {
  return [new TypeError("fetch failed", { cause: new Error(text) }), new TypeError(text)];
}

const connect = `error sending request for url (${URL_WITH_WORDS}): client error (Connect): `;
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
    `${connect}invalid peer certificate: certificate not valid for name "h"; it is only valid for …`,
    "tls",
    /not valid: certificate not valid for name "h"$/,
  ],
  [`${connect}received corrupt message of type InvalidContentType`, "tls", /does not speak TLS$/],
  [`${connect}tls handshake eof`, "network", /tls handshake eof$/],
  [`${sending}connection closed before message completed`, "network", /ended before the answer$/],
  [`${sending}invalid HTTP version parsed`, "protocol", /invalid HTTP version parsed$/],
  [`${sending}something new`, "network", /h: something new$/],
  ["Fetch failed: Requests to port 1 are blocked", "refused", /port 1 /],
];
for (const [text, kind, message] of known) {
  Deno.test(`networkFailure() says ${kind} of "${text.slice(-45)}" in both forms`, () => {
    for (const thrown of forms(text)) {
      const error = networkFailure(thrown, "h", "head");
      assert.equal(error.kind, kind);
      assert.match(error.message, message);
      assert.match(error.message, /^cannot reach h: /);
    }
  });
}

Deno.test("case 58: no word of the URL decides, and none of it is kept", () => {
  for (const thrown of forms(`${connect}dns error: failed to lookup`)) {
    const error = networkFailure(thrown, "h", "head");
    assert.equal(error.kind, "network");
    const all = `${error.message} ${error.hint} ${(error.cause as Error).message} ${error.stack}`;
    assert.doesNotMatch(all, /Signature|token=|401|403/);
  }
});

Deno.test("networkFailure() hands on what is ours and knows the platform's own aborts", () => {
  const ours = new PullamaError("timeout", "silent");
  assert.equal(networkFailure(ours, "h", "body"), ours);
  const kindOf = (error: unknown) => networkFailure(error, "h", "body").kind;
  assert.equal(kindOf(AbortSignal.abort().reason), "interrupted");
  assert.equal(kindOf(new DOMException("late", "TimeoutError")), "timeout");
  assert.equal(kindOf(new Deno.errors.NotCapable("net")), "internal");
  assert.equal(kindOf(new Deno.errors.BadResource("closed")), "internal");
  assert.equal(kindOf("text"), "network");
});

Deno.test("networkFailure() says of a body only that it was cut", () => {
  const thrown = new TypeError("error reading a body from connection");
  const error = networkFailure(thrown, "h", "body");
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
