import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { asPullamaError } from "../../src/core/errors.ts";
import type { PullEvent } from "../../src/core/events.ts";
import { parseName } from "../../src/core/name.ts";
import { type RegistryOptions, RegistrySource } from "../../src/registry/source.ts";
import type { Proxy } from "../../src/registry/net/proxy.ts";
import { slowed } from "../fakes/capacity.ts";
import { certificate } from "../fakes/certificate.ts";
import { closeAfter, type Fault, htmlPage, redirect, resetAfter } from "../fakes/faults.ts";
import type { Registry } from "../fakes/registry.ts";
import { challenged, demandBasic, demandTokens } from "../fakes/token_server.ts";
import type { LoggedRequest } from "../fakes/wire.ts";
import { leaks, TLS } from "../registry/auth/world.ts";
import { fileWith, KEY, PUBLIC, SEED } from "../registry/auth/keys.ts";
import { notesIn, screens, textsOf } from "./shown.ts";
import { some, THOROUGH } from "../seed.ts";
import { MIB, world } from "../transfer/world.ts";

const PASSWORD = "s3cret-Pa55word!";
const LOGIN = `somebody:${PASSWORD}`;
/** In addresses that a registry names. */
const PLANTED = "planted5ignature0123456789";
const USER = "planted0user";
const NOBODY = "127.0.0.1:4";

const LOGINS: Readonly<Record<string, (registry: Registry) => void>> = {
  "nobody": () => {},
  "a key": (registry) => void demandTokens(registry, { keys: [PUBLIC], life: 1 }),
  "a key that is not known": (registry) => void demandTokens(registry, {}),
  "a password for tokens": (registry) => void demandTokens(registry, { login: LOGIN }),
  "a password": (registry) => demandBasic(registry, LOGIN),
  "a password that is wrong": (registry) => demandBasic(registry, "somebody:else"),
  "tokens that are no good": (registry) => void demandTokens(registry, { generous: true }),
  "a realm with a secret": (registry) =>
    void demandTokens(registry, {
      realm: `${registry.url}/elsewhere?key=${PLANTED}#${PLANTED}`,
    }),
  "a realm with a user": (registry) =>
    void demandTokens(registry, {
      realm: `${schemeOf(registry.url)}//${USER}:${PLANTED}@${registry.host}/token`,
    }),
};

/** Those that registries let in. */
const WELCOME = ["nobody", "a key", "a password for tokens", "a password"];

/** Base64, hex and percent-encoding of a text. */
function encodingsOf(text: string): string[] {
  const bytes = Buffer.from(text);
  const hex = bytes.toString("hex");
  return [bytes.toString("base64"), hex, hex.replaceAll(/../g, "%$&")];
}

/** Everything that a request shows, said back. */
function echoOf({ target, headers }: LoggedRequest): string {
  return `${headers.get("authorization")} at http://${USER}:${PLANTED}@h${target}`;
}

function schemeOf(url: string): string {
  return new URL(url).protocol;
}

type Wrong = (request: LoggedRequest, n: number, registry: Registry) => Fault | undefined;

const FAILURES: Readonly<Record<string, { readonly at: readonly string[]; wrong: Wrong }>> = {
  "nothing wrong": { at: [], wrong: () => undefined },
  "an error that says everything back": {
    at: ["manifest", "blob"],
    wrong: (request) => ({
      status: 400,
      headers: { "content-type": "application/json", "x-echo": echoOf(request) },
      body: JSON.stringify({ errors: [{ code: "X", message: echoOf(request) }] }),
    }),
  },
  "a refusal that says everything back in plain text": {
    at: ["manifest", "blob", "data"],
    wrong: (request) => ({ status: 403, body: echoOf(request) }),
  },
  "a refusal that says everything back encoded": {
    at: ["manifest", "blob", "other"],
    wrong: (request, n) => ({
      status: 403,
      body: encodingsOf(request.headers.get("authorization")?.split(" ").at(-1) ?? "")[n % 3] ?? "",
    }),
  },
  "a redirect to what was sent": {
    at: ["blob"],
    wrong: ({ headers }, _, { url }) =>
      redirect(`${url}/${(headers.get("authorization") ?? "").split(" ").at(-1)}`),
  },
  "a manifest whose digests are what was sent": {
    at: ["manifest"],
    wrong: ({ headers }) => {
      const digest = (headers.get("authorization") ?? "").split(" ").at(-1);
      return { status: 200, body: JSON.stringify({ layers: [{ digest, size: 1 }] }) };
    },
  },
  "busy servers that say everything back": {
    at: ["manifest", "blob", "data", "chunksums", "other"],
    wrong: (request) => ({
      status: 503,
      headers: { "retry-after": PLANTED },
      body: echoOf(request),
    }),
  },
  "a challenge that says everything back": {
    at: ["manifest", "blob"],
    wrong: (request) =>
      challenged(`Odd token="${request.headers.get("authorization")}", ${PLANTED}="${PLANTED}"`),
  },
  "a token server that says everything back": {
    at: ["other"],
    wrong: (request) => ({ status: 401, body: JSON.stringify({ error: echoOf(request) }) }),
  },
  "a token that cannot be one": {
    at: ["other"],
    wrong: () => ({ status: 200, body: JSON.stringify({ token: `${PLANTED}\n${PLANTED}` }) }),
  },
  "a redirect to where nobody listens": {
    at: ["manifest", "blob", "data", "other"],
    wrong: (_, __, { url }) =>
      redirect(`${schemeOf(url)}//${NOBODY}/x?X-Amz-Signature=${PLANTED}#${PLANTED}`),
  },
  "a redirect with a password": {
    at: ["manifest", "blob", "data", "chunksums"],
    wrong: () => redirect(`http://${USER}:${PLANTED}@${NOBODY}/x?sig=${PLANTED}`),
  },
  "a redirect that cannot be read": {
    at: ["blob", "data"],
    wrong: () => redirect(`http://[${PLANTED}?sig=${PLANTED}`),
  },
  "a redirect to another kind of place": {
    at: ["manifest", "blob"],
    wrong: () => redirect(`ftp://${USER}:${PLANTED}@h/x?sig=${PLANTED}`),
  },
  "a redirect in a circle": {
    at: ["blob", "data"],
    wrong: ({ host, target }, _, { url }) => redirect(`${schemeOf(url)}//${host}${target}`),
  },
  "a list of chunks that is elsewhere": {
    at: ["chunksums"],
    wrong: (_, __, { url }) => ({
      headers: {
        "content-location": `${schemeOf(url)}//${USER}:${PLANTED}@${NOBODY}/x?sig=${PLANTED}`,
      },
      list: () => [`${PLANTED}\n`],
    }),
  },
  "addresses that expire": {
    at: ["data"],
    wrong: (_, n, registry) => {
      if (n % 2 === 0) registry.expireAddresses();
      return undefined;
    },
  },
  "stores that do not accept their signatures": {
    at: ["data"],
    wrong: (request) => ({
      status: 403,
      body: `<Error><StringToSign>${request.target}</StringToSign></Error>`,
    }),
  },
  "resets": {
    at: ["manifest", "blob", "data", "other"],
    wrong: (_, n) => n % 2 ? resetAfter(100) : { hangUp: "reset" },
  },
  "ends in the middle": { at: ["data", "other"], wrong: () => closeAfter(100_000) },
  "headers that make no sense": {
    at: ["manifest", "data"],
    wrong: (request) => ({
      headers: { "content-range": echoOf(request), "content-type": `x/${PLANTED}` },
    }),
  },
  "compressed answers": {
    at: ["manifest", "data"],
    wrong: () => ({ headers: { "content-encoding": `gzip-${PLANTED}` } }),
  },
  "pages": { at: ["manifest", "blob", "data", "other"], wrong: () => htmlPage() },
  "manifests that say everything back": {
    at: ["manifest"],
    wrong: (request) => ({
      status: 200,
      headers: { "docker-content-digest": undefined },
      body: JSON.stringify({ errors: [{ message: echoOf(request) }] }),
    }),
  },
  "wrong bytes": { at: ["data"], wrong: ({ range }) => ({ flipAt: range?.start ?? 0 }) },
};

/** Proxies, one of which is there: the registry itself, which does not look at how it is asked. */
const PROXIES: Readonly<Record<string, (registry: Registry) => Proxy | undefined>> = {
  "no proxy": () => undefined,
  "a proxy": ({ host }) => proxyAt("http:", host),
  "a proxy that is not there": () => proxyAt("http:", NOBODY),
  "a socks proxy that is not there": () => proxyAt("socks5:", NOBODY),
  "a web server for a socks proxy": ({ host }) => proxyAt("socks5:", host),
};

function proxyAt(protocol: Proxy["protocol"], address: string): Proxy {
  const { hostname, port } = new URL(`http://${address}`);
  const login = { username: USER, password: PASSWORD };
  return { protocol, host: hostname, port: Number(port), login, variable: "HTTP_PROXY" };
}

interface Case {
  readonly login: string;
  readonly failure: string;
  readonly proxy: string;
  readonly blobHosts: number;
}

/** Pulls once and returns all that was said about it, and all that was secret. */
async function said({ login, failure, proxy, blobHosts }: Case) {
  const via = PROXIES[proxy]!;
  // Nothing is signed over plain http. The registry can be a proxy for plain http only.
  const tls = proxy === "no proxy" && !/nobody|password/.test(login);
  await using place = await world({ ...(tls && TLS), blobHosts, chunkLength: 128 * 1024 });
  await using key = await fileWith(KEY);
  const { registry } = place;
  const model = place.tiny(MIB + 200_000);
  LOGINS[login]!(registry);
  const { at, wrong } = FAILURES[failure]!;
  for (const phase of at as readonly (keyof typeof registry.faults)[]) {
    const door = registry.faults[phase];
    registry.faults[phase] = async (request, n) =>
      await door?.(request, n) ?? wrong(request, n, registry);
    // A token server has no door before it.
    if (phase === "other") registry.faults.other = (request, n) => wrong(request, n, registry);
  }
  const events: PullEvent[] = [];
  const notes: string[] = [];
  const proxied = via(registry);
  const [user = "", password = ""] = LOGIN.split(":");
  const identity = /password/.test(login)
    ? { login: { host: registry.host, user, password } }
    : { keyFile: key.path };
  const options: RegistryOptions = {
    userAgent: "test",
    insecure: !tls,
    caCerts: [certificate],
    identity,
    chunkSize: 256 * 1024,
    headerTimeoutMs: await slowed(200),
    onRequest: (note) => events.push({ event: "request", ...note }),
    onWarning: (message, hint) => events.push({ event: "warning", message, hint }),
    onNote: (note) => notes.push(note),
    ...(proxied && { proxyFor: () => proxied }),
  };
  using source = new RegistrySource(options);
  const pull = place.start(model.name, {
    settings: { maxRetries: 1, chunkSize: 256 * 1024 },
    source: () => source,
    onEvent: (event) => events.push(event),
  });
  const error = await pull.result.then(() => undefined, asPullamaError);
  if (error) {
    const name = parseName(model.name);
    events.push({ event: "pull_failed", name, given: model.name, error });
  }
  const secrets = registry.requests.flatMap(({ headers, query }) => [
    ...["authorization", "proxy-authorization"].flatMap((name) =>
      (headers.get(name) ?? "").split(/[ :]/).slice(1)
    ),
    ...(headers.get("authorization")?.startsWith("Basic") ? [] : [headers.get("authorization")!]),
    ...["nonce", "X-Amz-Signature", "X-Amz-Credential"].map((name) => query.get(name) ?? ""),
  ]).filter((secret) => secret !== null);
  const login64 = [LOGIN, `${USER}:${PASSWORD}`].map((text) =>
    Buffer.from(text).toString("base64")
  );
  const key64 = Buffer.from(SEED, "hex").toString("base64").slice(0, 40);
  return {
    error,
    texts: [...notes, ...events.flatMap(textsOf), ...screens(events), ...notesIn(place)],
    raw: JSON.stringify(registry.requests.map(({ target, headers }) => [target, [...headers]])),
    secrets: [
      ...[...secrets, PASSWORD].flatMap((secret) => [secret, ...encodingsOf(secret)]),
      ...[PLANTED, ...login64, SEED, key64, "X-Amz-Signature"],
    ],
  };
}

/** Pulls, and searches everything that was said for everything that was secret. */
async function assertSilent(one: Case) {
  const { error, texts, raw, secrets } = await said(one);
  const found = leaks(texts, secrets).map((text) => {
    const secret = secrets.find((secret) => secret.length >= 6 && text.includes(secret))!;
    const at = text.indexOf(secret);
    return `${secret} in: ${text.slice(Math.max(0, at - 200), at + 100)}`;
  });
  assert.deepEqual(found, [], JSON.stringify(one));
  assert.notEqual(error?.kind, "internal", error?.message);
  return {
    ending: error?.kind ?? "pulled",
    // Whether there was anything to be told.
    secretive: secrets.some((secret) => secret.length >= 6 && raw.includes(secret)),
  };
}

for (const login of Object.keys(LOGINS)) {
  Deno.test(`case 82: no secret is told whatever goes wrong, with ${login}`, async () => {
    const endings = new Set<string>();
    let secretive = 0;
    const [nothing, ...failures] = Object.entries(FAILURES);
    for (const [failure, { at }] of [nothing!, ...some(failures, 0.4)]) {
      // Nobody is asked for a token then.
      if (at.join() === "other" && ["nobody", "a password"].includes(login)) continue;
      for (const blobHosts of WELCOME.includes(login) ? [0, 1] : [1]) {
        const one = await assertSilent({ login, failure, proxy: "no proxy", blobHosts });
        endings.add(one.ending);
        if (one.secretive) secretive++;
      }
    }
    assert.equal(endings.has("pulled"), WELCOME.includes(login), [...endings].join());
    const enough = secretive > 3 || !THOROUGH || /realm/.test(login);
    assert.ok(enough, `only ${secretive} had something to tell`);
  });
}

for (const proxy of Object.keys(PROXIES).slice(1)) {
  Deno.test(`case 82: no secret is told whatever goes wrong, through ${proxy}`, async () => {
    for (const failure of ["nothing wrong", "busy servers that say everything back", "resets"]) {
      for (const login of ["a password for tokens", "a password"]) {
        await assertSilent({ login, failure, proxy, blobHosts: 1 });
      }
    }
  });
}
