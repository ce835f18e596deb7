import assert from "node:assert/strict";
import { remedyOf } from "../../../src/core/errors.ts";
import { tokenHostTrust } from "../../../src/registry/auth/token_host.ts";
import { SingleFlight } from "../../../src/registry/auth/single_flight.ts";
import { certificate } from "../../fakes/certificate.ts";
import { htmlPage } from "../../fakes/faults.ts";
import { challenged, demandBasic, demandTokens } from "../../fakes/token_server.ts";
import { testWith } from "../../needs.ts";
import { runToEnd, temporaryFolder } from "../../real/child.ts";
import { pullama } from "../../real/program.ts";
import { startRegistry } from "../../fakes/registry.ts";
import { authWorld, leaks, outputsOf, TLS } from "./world.ts";
import { foreignKey, PUBLIC } from "./keys.ts";
import { failureOf, never } from "../world.ts";

const keys = [PUBLIC];
const DAY = 86_400_000;

Deno.test("case 73: a public model is pulled without a key and without Authorization", async () => {
  await using w = await authWorld({ key: null });
  await w.manifest();
  await w.blob();
  assert.deepEqual(w.asked(), ["manifests", "blobs"]);
});

Deno.test("case 74: a key gets one token, which is used for the blobs as well", async () => {
  await using w = await authWorld();
  const server = demandTokens(w.registry, { keys });
  await w.manifest();
  await w.blob();
  await w.blob();
  assert.deepEqual(w.asked(), [
    "manifests",
    "token signed",
    "manifests Bearer",
    "blobs Bearer",
    "blobs Bearer",
  ]);
  const { query } = server.asked[0]!;
  assert.deepEqual([query.get("service"), query.get("scope")], [
    "fake",
    "repository:library/tiny:pull",
  ]);
});

testWith(["ssh-keygen"], "a token server accepts signatures with a key of ssh-keygen", async () => {
  await using folder = await temporaryFolder();
  const keyFile = `${folder.path}/id_ed25519`;
  const made = await runToEnd(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keyFile]);
  assert.equal(made.code, 0);
  const [, known = ""] = (await Deno.readTextFile(`${keyFile}.pub`)).split(" ");
  await using w = await authWorld({ source: { identity: { keyFile } } });
  const server = demandTokens(w.registry, { keys: [known] });
  await w.manifest();
  assert.equal(server.issued, 1);
});

Deno.test("concurrent requests share one login", async () => {
  await using w = await authWorld();
  const gate = Promise.withResolvers<void>();
  const server = demandTokens(w.registry, { keys });
  const { blob: guard } = w.registry.faults;
  w.registry.faults.blob = async (request, n) => {
    if (n === 8) gate.resolve();
    await gate.promise;
    return guard?.(request, n);
  };
  await Promise.all(Array.from({ length: 8 }, () => w.blob()));
  assert.deepEqual([server.asked.length, server.issued], [1, 1]);
});

Deno.test("SingleFlight continues while a caller is waiting, and stops with the last one", async () => {
  for (const all of [false, true]) {
    const gate = Promise.withResolvers<string>();
    let stopped = false;
    const shared = new SingleFlight((signal) => {
      signal.addEventListener("abort", () => {
        stopped = true;
        gate.reject(signal.reason);
      });
      return gate.promise;
    });
    const [first, second] = [new AbortController(), new AbortController()];
    const waiting = [shared.wait(first.signal), shared.wait(second.signal)];
    const results = Promise.allSettled(waiting);
    first.abort(new Error("left"));
    await assert.rejects(waiting[0]!, /left/);
    assert.deepEqual([stopped, shared.abandoned], [false, false]);
    if (all) second.abort(new Error("left as well"));
    else gate.resolve("done");
    const [, last] = await results;
    assert.equal(last!.status, all ? "rejected" : "fulfilled");
    assert.equal(shared.abandoned, true);
    assert.equal(stopped, true);
  }
});

Deno.test("a login without waiting requests is aborted, and started again by the next request", async () => {
  await using w = await authWorld();
  const asked = Promise.withResolvers<void>();
  const server = demandTokens(w.registry, { keys });
  const { other } = w.registry.faults;
  w.registry.faults.other = (request, n) => {
    asked.resolve();
    return n === 1 ? { delayMs: Infinity } : other?.(request, n);
  };
  const attempt = new AbortController();
  const leaving = failureOf(w.source.manifest(w.name, attempt.signal));
  await asked.promise;
  attempt.abort();
  assert.equal((await leaving).kind, "interrupted");
  await server.asked[0]!.closed;
  await w.manifest();
  assert.equal(server.issued, 1);
});

Deno.test("case 77: an expired token is renewed, in advance if its lifetime is known", async () => {
  let now = Date.now();
  await using w = await authWorld({ source: { now: () => now } });
  const server = demandTokens(w.registry, { keys, life: 100 });
  await w.manifest();
  now += 99_000;
  await w.blob();
  assert.equal(server.asked.length, 1);
  now += 2_000;
  await w.blob();
  assert.deepEqual(w.asked().slice(-2), ["token signed", "blobs Bearer"]);
  server.expireAll();
  await w.blob();
  assert.deepEqual(w.asked().slice(-3), ["blobs Bearer", "token signed", "blobs Bearer"]);
});

Deno.test("case 77: a token without a lifetime is used for a minute", async () => {
  let now = Date.now();
  await using w = await authWorld({ source: { now: () => now } });
  const server = demandTokens(w.registry, { keys });
  await w.manifest();
  now += 59_000;
  await w.blob();
  now += 2_000;
  await w.blob();
  assert.equal(server.asked.length, 2);
});

Deno.test("case 77: a blob gets at most three logins without a successful response, else any number", async () => {
  await using w = await authWorld();
  const server = demandTokens(w.registry, { keys });
  for (let k = 0; k < 5; k++) {
    server.expireAll();
    await w.blob();
  }
  assert.equal(server.asked.length, 5);
  const { blob: guard } = w.registry.faults;
  w.registry.faults.blob = async (request, n) => await guard?.(request, n) ?? { status: 503 };
  for (let k = 0; k < 4; k++) {
    server.expireAll();
    const error = await failureOf(w.blob());
    assert.equal(error.kind, k < 3 ? "unavailable" : "auth");
    if (k === 3) assert.match(error.message, /still required after 3 successful logins/);
  }
  assert.equal(server.asked.length, 8);
});

Deno.test("a rejected new token is final, and the error names the key", async () => {
  await using w = await authWorld();
  const server = demandTokens(w.registry, { generous: true, ahead: 7 * 60_000 });
  const error = await w.refused();
  assert.deepEqual([error.kind, remedyOf(error.kind)], ["auth", "recheck"]);
  assert.ok(error.message.includes(w.registry.host));
  assert.match(error.message, /model not found on .*, or authentication required \(401\)/);
  assert.ok(error.message.includes(`the key ${w.keyFile} was rejected`));
  assert.match(error.message, /the clock of this machine is [67]m\d\ds behind$/);
  assert.ok(error.hint!.includes(`${w.keyFile}.pub`));
  assert.deepEqual(w.asked(), ["manifests", "token signed", "manifests Bearer"]);
  assert.equal(server.issued, 0);
});

Deno.test("a key that the token server rejects is followed by one anonymous request", async () => {
  await using w = await authWorld();
  demandTokens(w.registry, { keys: [] });
  const error = await w.refused();
  assert.match(error.message, /the key .* was rejected \(401: unknown to the token server\)$/);
  assert.deepEqual(w.asked(), ["manifests", "token signed", "token"]);

  demandTokens(w.registry, { keys: [], anonymous: true });
  await w.manifest();
  assert.deepEqual(w.asked().slice(-4), ["manifests", "token signed", "token", "manifests Bearer"]);
});

for (
  const [ahead, text] of [[DAY, /(1d00h|23h59m) behind/], [-DAY, /(1d00h|23h59m) ahead/]] as const
) {
  Deno.test(`a clock that is a day ${ahead > 0 ? "behind" : "ahead"} is reported`, async () => {
    await using w = await authWorld();
    demandTokens(w.registry, { keys, ahead });
    const error = await w.refused();
    assert.match(error.message, text);
    assert.match(error.hint!, /^set the clock; /);
  });
}

Deno.test("a clock skew of half a minute is not reported", async () => {
  await using w = await authWorld();
  demandTokens(w.registry, { keys: [], ahead: 30_000 });
  assert.doesNotMatch((await w.refused()).message, /clock/);
});

Deno.test("case 75: signatures and passwords are not sent to a realm on another host", async () => {
  for (const docker of [undefined, "me:secret-7391"]) {
    await using w = await authWorld(docker === undefined ? {} : { docker });
    await using elsewhere = await startRegistry(TLS);
    const server = demandTokens(elsewhere, { keys, login: "me:secret-7391" });
    demandTokens(w.registry, { keys, realm: `${elsewhere.url}/token` });
    const error = await w.refused();
    assert.equal(error.kind, "auth");
    assert.ok(error.message.includes(`not sent to the token server ${elsewhere.host}`));
    assert.equal(server.asked.length, 1);
    assert.equal(server.asked[0]!.headers.get("authorization"), null);
    assert.deepEqual([...server.asked[0]!.query.keys()].sort(), ["scope", "service"]);
    assert.equal(w.registry.requests.length, 1);
  }
});

Deno.test("nothing is signed for a registry that is accessed over plain http", async () => {
  await using w = await authWorld({ plain: true });
  const server = demandTokens(w.registry, { keys, anonymous: true });
  await w.manifest();
  assert.deepEqual(w.asked(), ["manifests", "token", "manifests Bearer"]);
  assert.equal(server.issued, 1);

  demandTokens(w.registry, { keys });
  assert.equal((await w.refused()).kind, "auth");
  assert.ok(!w.asked().some((request) => request.endsWith("signed")));
});

Deno.test("a token is requested for the model that is pulled, whatever the challenge asks for", async () => {
  await using w = await authWorld();
  const server = demandTokens(w.registry, { keys });
  const { manifest: guard } = w.registry.faults;
  w.registry.faults.manifest = async (request, n) => {
    const refusal = await guard?.(request, n);
    const realm = `${w.registry.url}/token?scope=registry:catalog:*&service=x&ts=1&nonce=1`;
    const scope = "repository:library/other:pull,push,delete";
    return refusal && challenged(`Bearer realm="${realm}",service="fake",scope="${scope}"`);
  };
  await w.manifest();
  const { query } = server.asked[0]!;
  assert.deepEqual(query.getAll("scope"), ["repository:library/tiny:pull"]);
  for (const name of ["service", "ts", "nonce"]) assert.equal(query.getAll(name).length, 1, name);
});

Deno.test("5,000 challenges cause two token requests, and one to another host", async () => {
  for (const foreign of [false, true]) {
    await using w = await authWorld();
    await using elsewhere = await startRegistry(TLS);
    const at = foreign ? elsewhere : w.registry;
    const server = demandTokens(at, {});
    w.registry.faults.manifest = () =>
      challenged(
        Array.from({ length: 5000 }, (_, k) => `Bearer realm="${at.url}/token",service="${k}"`)
          .join(", "),
      );
    const error = await w.refused();
    assert.equal(error.kind, "auth");
    assert.equal(server.asked.length, foreign ? 1 : 2);
  }
});

Deno.test("a token server on another host is asked once for a model, and again after a minute", async () => {
  let now = Date.now();
  await using w = await authWorld({ source: { now: () => now } });
  await using elsewhere = await startRegistry(TLS);
  const server = demandTokens(elsewhere, { anonymous: true, life: 1 });
  const realm = `${elsewhere.url}/token`;
  let accepted: string | undefined;
  w.registry.faults.manifest = ({ headers }) => {
    const shown = headers.get("authorization");
    if (shown !== null && shown !== accepted) {
      accepted = shown;
      return undefined;
    }
    return challenged(`Bearer realm="${realm}"`);
  };
  await w.manifest();
  assert.equal(server.asked.length, 1);
  // The registry demands a new token with every request.
  for (let k = 0; k < 20; k++) assert.equal((await w.refused()).kind, "auth");
  assert.equal(server.asked.length, 1);
  now += 61_000;
  await w.manifest();
  assert.equal(server.asked.length, 2);
});

Deno.test("a registry has one token server on another host for a model", async () => {
  await using w = await authWorld();
  await using first = await startRegistry(TLS);
  await using second = await startRegistry(TLS);
  const servers = [first, second].map((one) => demandTokens(one, { generous: true }));
  let count = 0;
  w.registry.faults.blob = () =>
    challenged(`Bearer realm="${(count++ % 2 ? second : first).url}/token"`);
  for (let k = 0; k < 10; k++) await failureOf(w.blob());
  assert.deepEqual(servers.map(({ asked }) => asked.length), [1, 0]);
});

Deno.test("a token server on another host that is unavailable is asked again", async () => {
  await using w = await authWorld();
  await using elsewhere = await startRegistry(TLS);
  demandTokens(elsewhere, {
    anonymous: true,
    fault: (_, n) => n === 1 ? { status: 503 } : undefined,
  });
  let served = false;
  w.registry.faults.manifest = ({ headers }) => {
    served = headers.has("authorization");
    return served ? undefined : challenged(`Bearer realm="${elsewhere.url}/token"`);
  };
  assert.equal((await w.refused()).kind, "unavailable");
  await w.manifest();
  assert.ok(served);
});

Deno.test("a realm on another host may not redirect to a third one", async () => {
  await using w = await authWorld();
  const good = demandTokens(w.registry, { anonymous: true });
  await using elsewhere = await startRegistry(TLS);
  elsewhere.faults.other = ({ target }) => ({
    status: 307,
    headers: { location: `${w.registry.url}${target}` },
  });
  w.registry.faults.manifest = () =>
    challenged(`Bearer realm="${elsewhere.url}/token",service="s"`);
  const error = await w.refused();
  assert.equal(error.kind, "redirect");
  assert.equal(good.asked.length, 0);
});

Deno.test("redirects of a token request are followed on the same host only", async () => {
  await using w = await authWorld();
  await using elsewhere = await startRegistry(TLS);
  const server = demandTokens(w.registry, {
    keys,
    fault: ({ query }, n) => {
      if (n > 1) return undefined;
      return { status: 307, headers: { location: `/token?${query}` } };
    },
  });
  await w.manifest();
  assert.equal(server.asked.length, 2);
  demandTokens(w.registry, {
    keys,
    fault: () => ({ status: 307, headers: { location: `${elsewhere.url}/token` } }),
  });
  assert.equal((await w.refused()).kind, "redirect");
  assert.equal(elsewhere.requests.length, 0);
});

Deno.test("case 78: a realm that is not a plain http or https URL is not requested", async () => {
  await using w = await authWorld();
  const long = `https://${"h".repeat(300)}/token`;
  for (const realm of ["https://user:pw@127.0.0.1/", "file:///token", "", "/token", long]) {
    w.registry.faults.manifest = () => challenged(`Bearer realm="${realm}"`);
    assert.match((await w.refused()).message, /no valid realm/);
  }
});

const trusts: readonly [realm: string, registry: string, trust: string][] = [
  ["https://h/token", "https://h", "trusted"],
  ["https://h:443/token", "https://H", "trusted"],
  ["http://h/token", "https://h", "plain"],
  ["https://h/token", "http://h", "foreign"],
  ["http://h:5000/token", "http://h:5000", "trusted"],
  ["http://h:5001/token", "http://h:5000", "foreign"],
  ["http://other/token", "http://h", "foreign"],
  ["https://h.evil/token", "https://h", "foreign"],
  ["https://ollama.com/token", "https://registry.ollama.ai", "trusted"],
  ["https://ollama.com:444/token", "https://registry.ollama.ai", "foreign"],
  ["http://ollama.com/token", "https://registry.ollama.ai", "plain"],
  ["https://huggingface.co/api/token", "https://hf.co", "trusted"],
  ["https://ollama.com/token", "http://registry.ollama.ai", "foreign"],
  ["https://huggingface.co/token", "http://hf.co", "foreign"],
  ["https://huggingface.co/api/token", "https://ollama.com", "foreign"],
  ["https://www.huggingface.co/api/token", "https://hf.co", "foreign"],
];
for (const [realm, registry, trust] of trusts) {
  Deno.test(`cases 75 and 76: a realm ${realm} is ${trust} for ${registry}`, () => {
    assert.equal(tokenHostTrust(new URL(realm), new URL(registry), []), trust);
  });
}

const unanswerable: readonly [challenge: string | undefined, text: RegExp][] = [
  [undefined, /or authentication required \(401\)$/],
  ["", /or authentication required \(401\)$/],
  ["Negotiate, Digest realm=x", /unsupported authentication scheme: "negotiate", "digest"$/],
  ['Bearer realm="x', /no valid realm$/],
  ['"', /invalid WWW-Authenticate header$/],
  ["Bearer", /no valid realm$/],
];
for (const [challenge, text] of unanswerable) {
  Deno.test(`case 78: a 401 with ${JSON.stringify(challenge)} is final, with a reason`, async () => {
    await using w = await authWorld();
    w.registry.faults.manifest = () => challenged(challenge);
    const error = await w.refused();
    assert.equal(error.kind, "auth");
    assert.match(error.message, text);
    assert.ok(error.hint);
    assert.equal(w.registry.requests.length, 1);
  });
}

Deno.test("case 79: Basic uses the password from Docker's config file, for that host only", async () => {
  await using w = await authWorld({ docker: "me:secret-7391", fake: { blobHosts: 1 } });
  demandBasic(w.registry, "me:secret-7391");
  await w.manifest();
  await w.blob();
  const shown = w.registry.requests.map(({ server, headers }) => [
    server,
    headers.has("authorization"),
  ]);
  assert.deepEqual(shown, [
    ["registry", false],
    ["registry", true],
    ["registry", true],
    ["blobs", false],
  ]);
});

Deno.test("case 79: missing and wrong credentials for Basic are final", async () => {
  await using none = await authWorld();
  demandBasic(none.registry, "me:secret-7391");
  const missing = await none.refused();
  assert.equal(missing.kind, "auth");
  assert.match(missing.message, /user name and password required, but none are configured$/);
  assert.match(missing.hint!, /^log in with: docker login 127\.[\d.:]+, or set PULLAMA_REG/);
  assert.equal(none.registry.requests.length, 1);

  await using wrong = await authWorld({ login: { user: "me", password: "wrong-5521" } });
  demandBasic(wrong.registry, "me:secret-7391");
  const refused = await wrong.refused();
  assert.equal(refused.kind, "auth");
  assert.match(refused.message, /user name and password from PULLAMA_REGISTRY_USER were rejected$/);
  assert.deepEqual(wrong.asked(), ["manifests", "manifests Basic"]);
});

Deno.test("a password is sent to the token server only, and preferred to a key", async () => {
  await using w = await authWorld({ docker: "me:secret-7391" });
  demandTokens(w.registry, { login: "me:secret-7391" });
  await w.manifest();
  assert.deepEqual(w.asked(), ["manifests", "token Basic", "manifests Bearer"]);
});

Deno.test("a token is preferred to a password, and a password to anonymous access", async () => {
  await using w = await authWorld({ docker: "me:secret-7391", key: null });
  const server = demandTokens(w.registry, { anonymous: true });
  const { manifest: guard } = w.registry.faults;
  w.registry.faults.manifest = async (request, n) => {
    const fault = await guard?.(request, n);
    const bearer = fault?.headers?.["www-authenticate"];
    return fault && challenged(`Basic realm="x", ${bearer}`);
  };
  // The password is wrong there, so the token is anonymous.
  await w.manifest();
  assert.equal(server.issued, 1);
  const expected = `Basic ${btoa("me:secret-7391")}`;
  w.registry.faults.manifest = ({ headers }) =>
    headers.get("authorization") === expected
      ? undefined
      : challenged('Bearer realm="ftp://x", Basic realm="x"');
  await w.manifest();
  assert.equal(w.asked().at(-1), "manifests Basic");
});

for (
  const [what, key, reason] of [
    ["with a passphrase", foreignKey("aes256-ctr", "ssh-ed25519"), /passphrase/],
    ["of RSA", foreignKey("none", "ssh-rsa"), /type ssh-rsa/],
    ["that is empty", "", /is empty/],
  ] as const
) {
  Deno.test(`case 80: a key ${what} is reported, and the pull continues without it`, async () => {
    await using w = await authWorld({ key });
    demandTokens(w.registry, { anonymous: true });
    await w.manifest();
    assert.deepEqual(w.asked(), ["manifests", "token", "manifests Bearer"]);
    assert.equal(w.warnings.length, 1);
    assert.match(w.warnings[0]!, reason);
    demandTokens(w.registry, { keys });
    const error = await w.refused();
    assert.equal(error.kind, "auth");
    assert.match(error.message, reason);
    assert.ok(error.message.includes(w.keyFile));
  });
}

Deno.test("a missing key is reported only if it was required", async () => {
  await using w = await authWorld({ key: null });
  demandTokens(w.registry, { anonymous: true });
  await w.manifest();
  assert.deepEqual(w.warnings, []);
  demandTokens(w.registry, { keys });
  const error = await w.refused();
  assert.ok(error.message.includes(`key file ${w.keyFile} not found`));
});

Deno.test("a busy token server is retried later, a response without a token is final", async () => {
  await using w = await authWorld();
  const busy = { ...htmlPage(503), headers: { "retry-after": "3" } };
  demandTokens(w.registry, { keys, fault: () => busy });
  const later = await w.refused();
  assert.deepEqual([later.kind, later.retryAfterMs], ["unavailable", 3000]);
  for (
    const body of ["{}", '{"token":""}', '{"token":5}', "null", "x", '{"token":"a b"}', "[]"]
  ) {
    demandTokens(w.registry, { keys, fault: () => ({ status: 200, body }) });
    const error = await w.refused();
    assert.equal(error.kind, "auth");
    assert.match(error.message, /no valid token in the response/);
  }
  demandTokens(w.registry, { keys, fault: () => ({ status: 200, body: "x".repeat(300_000) }) });
  assert.equal((await w.refused()).kind, "auth");
  demandTokens(w.registry, { keys, fault: () => ({ hangUp: "close" }) });
  assert.equal((await w.refused()).kind, "network");
  demandTokens(w.registry, { keys, fault: () => ({ status: 404, body: "gone" }) });
  assert.match((await w.refused()).message, /the key .* was rejected \(404: gone\)/);
});

Deno.test("a token may be named access_token, and its lifetime begins when it was issued", async () => {
  let now = Date.now();
  await using w = await authWorld({ source: { now: () => now } });
  const server = demandTokens(w.registry, {
    keys,
    fault: () => ({
      status: 200,
      headers: { date: "Thu, 01 Jan 1970 00:01:40 GMT" },
      body: JSON.stringify({
        token: "",
        access_token: "an-access-token",
        expires_in: 300,
        issued_at: "1970-01-01T00:00:40Z",
      }),
    }),
  });
  w.registry.faults.manifest = ({ headers }) =>
    headers.get("authorization") === "Bearer an-access-token"
      ? undefined
      : challenged(`Bearer realm="${w.registry.url}/token"`);
  await w.manifest();
  now += 239_000;
  await w.manifest();
  assert.equal(server.asked.length, 1);
  now += 2_000;
  await w.manifest();
  assert.equal(server.asked.length, 2);
});

Deno.test("case 82: secrets that a server echoes are not shown", async () => {
  await using w = await authWorld();
  demandTokens(w.registry, {
    keys,
    fault: ({ headers, target }) => ({
      status: 401,
      body: `you sent ${headers.get("authorization")} to ${w.registry.url}${target}`,
    }),
  });
  const atToken = await w.refused();
  assert.match(atToken.message, /you sent .*\[hidden\]/);
  demandTokens(w.registry, { keys });
  const { manifest: guard } = w.registry.faults;
  w.registry.faults.manifest = async (request, n) =>
    await guard?.(request, n) ??
      { status: 400, body: `not with ${request.headers.get("authorization")?.slice(7)}` };
  assert.match((await w.refused()).message, /not with \[hidden\]/);
});

for (const output of ["table", "json", "debug"]) {
  testWith(
    ["ports in folder names"],
    `case 82: the program shows no secret with --verbose and --output ${output}`,
    async () => {
      await using w = await authWorld({ fake: { blobHosts: 1 } });
      const server = demandTokens(w.registry, { keys, login: "me:secret-7391" });
      await using folder = await temporaryFolder();
      const run = async (env: Readonly<Record<string, string>>, ...args: string[]) => {
        await Deno.writeTextFile(`${folder.path}/ca.pem`, certificate);
        const trust = ["--ca-cert", `${folder.path}/ca.pem`];
        const always = [...trust, "--verbose", "--output", output, "--models-dir"];
        const name = `${w.registry.host}/library/tiny`;
        const argv = [name, ...always, `${folder.path}/models`, ...args];
        return await pullama(argv, { home: folder.path, env });
      };
      const host = w.registry.host;
      const ended = [
        await run({ PULLAMA_KEY: w.keyFile }, "--dry-run"),
        await run({ PULLAMA_KEY: w.keyFile }),
        await run({
          PULLAMA_REGISTRY_HOST: host,
          PULLAMA_REGISTRY_USER: "me",
          PULLAMA_REGISTRY_PASSWORD: "wrong-5521",
        }),
        await run({}),
      ];
      assert.deepEqual(ended.map(({ code }) => code), [0, 0, 3, 3]);
      const outputs = ended.flatMap(({ out, err }) => [out, err]);
      const secrets = w.registry.requests.flatMap(({ headers, query }) => [
        ...(headers.get("authorization") ?? "").split(/[ :]/).slice(1),
        query.get("nonce") ?? "",
        query.get("X-Amz-Signature") ?? "",
      ]);
      assert.ok(secrets.some((secret) => server.tokens.includes(secret)));
      assert.deepEqual(leaks(outputs, [...secrets, "wrong-5521", "X-Amz-"]), []);
      assert.match(ended[3]!.err, /key file .*id_ed25519 not found/);
    },
  );
}

Deno.test("case 82: the scanner finds a token in every form of a failure", async () => {
  await using w = await authWorld();
  w.registry.faults.manifest = () => ({ status: 400, body: "t0k3n-of-a-server" });
  const outputs = outputsOf(await failureOf(w.source.manifest(w.name, never())));
  assert.equal(leaks(outputs, ["t0k3n-of-a-server"]).length, outputs.length);
  assert.deepEqual(leaks(outputs, ["another-token", ""]), []);
});
