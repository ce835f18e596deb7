/**
 * Which credential is sent where, as seen by all servers and the proxy in between, in runs that have all credentials at
 * once. The hosts are those of the internet and of a company; the proxy finds them on this machine.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { authority as company, elsewhere, good, key } from "../fakes/authority.ts";
import { redirect } from "../fakes/faults.ts";
import { flip } from "../fakes/flip.ts";
import { makeModel } from "../fakes/model.ts";
import { startProxy } from "../fakes/proxy.ts";
import { authority as internet, certificate, key as internetKey } from "../fakes/public_hosts.ts";
import { type Registry, type RegistryOptions, startRegistry } from "../fakes/registry.ts";
import { demandBasic, demandTokens } from "../fakes/token_server.ts";
import { testWith } from "../needs.ts";
import { KEY, PUBLIC, SEED } from "../registry/auth/keys.ts";
import { temporaryFolder } from "./child.ts";
import { pullama } from "./program.ts";
import { filesIn } from "./store.ts";

const PROXY = { username: "proxy-user", password: "pr0xy-secret-1" };
const COMPANY = "company-user:c0mpany-secret-2";
const DOCKER = "docker-user:d0cker-secret-3";
const STRANGER = "stranger-user:str4nger-secret-4";
const PLAIN = "plain-user:pl4in-secret-5";
const COOKIE = "c00kie-secret-6";
const SIZE = 1_500_000;

const INTERNET = { tls: { cert: certificate, key: internetKey } };
const INSIDE = { tls: { cert: good, key } };
const OTHER = { tls: { cert: elsewhere, key } };

/** A request as its server, or the proxy, got it. */
interface Seen {
  readonly origin: string;
  readonly headers: Headers;
  readonly text: string;
}

function seen(origin: string, first: string, headers: Headers): Seen {
  const lines = [...headers].map(([name, value]) => `${name}: ${value}`);
  return { origin, headers, text: [first, ...lines].join("\n") };
}

/** Lets every response of `registry` set a cookie. */
function withCookies({ faults }: Registry): void {
  for (const phase of ["manifest", "blob", "data", "chunksums", "other"] as const) {
    const door = faults[phase];
    faults[phase] = async (request, n) => {
      const fault = await door?.(request, n);
      const cookie = `session=${COOKIE}; Domain=example; Path=/`;
      return { ...fault, headers: { ...fault?.headers, "set-cookie": cookie } };
    };
  }
}

/** Lets `server` answer the requests for tokens of `registry`. */
function moveTokens(registry: Registry, server: Registry): void {
  server.faults.other = registry.faults.other;
  delete registry.faults.other;
}

const basic = (login: string) => [login.split(":")[1]!, btoa(login)];

/** All servers and a proxy, a user with all credentials, and what was seen so far. */
async function place() {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryFolder());
  const start = async (options: RegistryOptions) => stack.use(await startRegistry(options));
  const port = ({ host }: Registry) => host.split(":")[1]!;
  // Ollama's registry, its token server, and its CDN.
  const ollama = await start({
    ...INTERNET,
    blobHosts: 1,
    blobHostName: "hf.co",
    chunkLength: 2 ** 18,
  });
  const ollamaTokens = await start(INTERNET);
  const ollamaServer = demandTokens(ollama, { keys: [PUBLIC], realm: "https://ollama.com/token" });
  moveTokens(ollama, ollamaTokens);
  // A company's registry, with a token server and a CDN on other hosts.
  const firm = await start({ ...INSIDE, blobHosts: 1, blobHostName: "cdn.example" });
  const firmTokens = await start(OTHER);
  const tokenHost = `other.example:${port(firmTokens)}`;
  const firmServer = demandTokens(firm, { login: COMPANY, realm: `https://${tokenHost}/token` });
  moveTokens(firm, firmTokens);
  // Another registry on the same host, with a password of Docker's.
  const docker = await start(INSIDE);
  demandBasic(docker, DOCKER);
  // One that names a token server of somebody else, and one whose manifest only Docker's password opens.
  const stranger = await start(INSIDE);
  const strangerTokens = await start(INSIDE);
  const foreign = `cdn.example:${port(strangerTokens)}`;
  demandTokens(stranger, { login: STRANGER, keys: [PUBLIC], realm: `https://${foreign}/token` });
  moveTokens(stranger, strangerTokens);
  const thief = await start(INSIDE);
  // One without TLS.
  const plain = await start({});
  demandBasic(plain, PLAIN);

  const at = (registry: Registry) => `registry.example:${port(registry)}`;
  const names = {
    ollama: "tiny:latest",
    firm: `${at(firm)}/library/tiny:latest`,
    docker: `${at(docker)}/library/tiny:latest`,
    stranger: `${at(stranger)}/library/tiny:latest`,
    thief: `${at(thief)}/library/tiny:latest`,
    plain: `${at(plain)}/library/tiny:latest`,
  };
  const servers = [
    ...[ollama, ollamaTokens, firm, firmTokens],
    ...[docker, stranger, strangerTokens, thief, plain],
  ];
  for (const [seed, registry] of servers.entries()) {
    registry.add("library/tiny:latest", makeModel({ size: SIZE, seed: seed + 1 }));
  }
  thief.faults.manifest = ({ target }) => redirect(`https://${at(docker)}${target}`);
  for (const registry of servers) withCookies(registry);

  const here = "127.0.0.1";
  const proxy = stack.use(
    await startProxy({
      login: PROXY,
      hosts: {
        "registry.example": here,
        "cdn.example": here,
        "other.example": here,
        "hf.co": here,
        "registry.ollama.ai": ollama.host,
        "ollama.com": ollamaTokens.host,
      },
    }),
  );
  const auths = Object.fromEntries(
    ([[docker, DOCKER], [stranger, STRANGER], [thief, STRANGER], [plain, PLAIN]] as const)
      .map(([registry, login]) => [at(registry), { auth: btoa(login) }]),
  );
  const user = join(path, "user");
  await Deno.mkdir(user);
  await Deno.writeTextFile(join(user, "config.json"), JSON.stringify({ auths }));
  await Deno.writeTextFile(join(user, "key"), KEY);
  await Deno.writeTextFile(join(user, "authorities.pem"), internet + company);
  const [firmUser = "", firmPassword = ""] = COMPANY.split(":");
  const address = `http://${PROXY.username}:${PROXY.password}@${proxy.host}`;
  const models = join(path, "models");
  const env = {
    HTTP_PROXY: address,
    HTTPS_PROXY: address,
    SSL_CERT_FILE: join(user, "authorities.pem"),
    PULLAMA_KEY: join(user, "key"),
    PULLAMA_REGISTRY_HOST: at(firm),
    PULLAMA_REGISTRY_USER: firmUser,
    PULLAMA_REGISTRY_PASSWORD: firmPassword,
    PULLAMA_TOKEN_HOSTS: tokenHost,
    DOCKER_CONFIG: user,
  };
  const origin = (request: { readonly headers: Headers }) => request.headers.get("host") ?? "";
  const owned = stack.move();
  return {
    path,
    models,
    names,
    origins: {
      ollama: "registry.ollama.ai",
      ollamaTokens: "ollama.com",
      ollamaBlobs: ollama.blobHosts[0]!,
      firm: at(firm),
      firmTokens: tokenHost,
      firmBlobs: firm.blobHosts[0]!,
      docker: at(docker),
      stranger: at(stranger),
      strangerTokens: foreign,
      thief: at(thief),
      plain: at(plain),
    },
    tokens: { ollama: ollamaServer.tokens, firm: firmServer.tokens },
    /** Runs the program with all credentials. */
    run: async (...args: readonly string[]) =>
      await pullama([...args, "--models-dir", models], { home: path, env }),
    requests: (): Seen[] => [
      ...servers.flatMap(({ requests }) => requests)
        .map((it) => seen(origin(it), `${it.method} ${it.target}`, it.headers)),
      ...proxy.requests.map((it) => seen("the proxy", `${it.method} ${it.target}`, it.headers)),
    ],
    signatures: (registry: string) =>
      servers.flatMap(({ requests }) => requests).filter((it) => origin(it) === registry)
        .map(({ query }) => query.get("X-Amz-Signature") ?? "").filter((text) => text !== ""),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

type Place = Awaited<ReturnType<typeof place>>;

/** Each credential: the texts by which it is known, and the only origins that may see it. */
function credentials({ origins, tokens, signatures }: Place) {
  return [
    ["the proxy's password", basicOf(PROXY), ["the proxy"]],
    ["a signature of the key", [PUBLIC], [origins.ollamaTokens]],
    ["a token of Ollama's", tokens.ollama, [origins.ollama]],
    ["a signed URL of Ollama's", signatures(origins.ollamaBlobs), [origins.ollamaBlobs]],
    ["the company's password", basic(COMPANY), [origins.firmTokens]],
    ["a token of the company's", tokens.firm, [origins.firm]],
    ["a signed URL of the company's", signatures(origins.firmBlobs), [origins.firmBlobs]],
    ["Docker's password", basic(DOCKER), [origins.docker]],
    ["the password for a registry that sends us elsewhere", basic(STRANGER), []],
    ["the password for a registry without TLS", basic(PLAIN), []],
    ["a cookie", [COOKIE], []],
    ["the key", [SEED, KEY.split("\n")[2]!], []],
  ] as const;
}

function basicOf({ username, password }: typeof PROXY): string[] {
  return basic(`${username}:${password}`);
}

/** Asserts that each credential was seen where it belongs, and nowhere else. */
function assertApart(at: Place): void {
  const table = credentials(at);
  const requests = at.requests();
  for (const one of Object.values(at.origins)) {
    assert.ok(requests.some(({ origin }) => origin === one), `${one} was never asked`);
  }
  for (const [name, texts, allowed] of table) {
    assert.ok(texts.length > 0, `${name} was never there`);
    const found = requests.filter(({ text }) => texts.some((secret) => text.includes(secret)));
    assert.deepEqual([...new Set(found.map(({ origin }) => origin))].sort(), [...allowed], name);
  }
  const known = table.flatMap(([, texts]) => texts);
  for (const { origin, headers, text } of requests) {
    const value = headers.get(origin === "the proxy" ? "proxy-authorization" : "authorization");
    if (value !== null) assert.ok(known.some((secret) => value.includes(secret)), text);
    // Deno also sends into the tunnel what it takes for the proxy's login: a stand-in that opens nothing elsewhere.
    const standIn = origin === "the proxy" ? null : headers.get("proxy-authorization");
    if (standIn !== null) {
      assert.match(atob(standIn.replace("Basic ", "")), /^relay:[0-9a-f-]{36}$/);
    }
    assert.doesNotMatch(text, /^(?:cookie|referer|origin):/m);
    assert.doesNotMatch(text.split("\n")[0]!, /@/);
    if (origin !== "the proxy") assert.match(text, /^user-agent: pullama\/\S+ \(\w+ \w+\)$/m);
  }
}

/** Everything in a folder: paths, and what files hold. */
function textsIn(folder: string): string[] {
  return filesIn(folder).map((name) => {
    const bytes = Deno.readFileSync(join(folder, name));
    return `${name}\n${new TextDecoder("latin1").decode(bytes)}`;
  });
}

testWith(
  ["ports in folder names"],
  "each credential reaches its own origin only, whatever else is known",
  async () => {
    await using at = await place();
    const { names } = at;
    const said: string[] = [];
    const run = async (exitCode: number, ...args: readonly string[]) => {
      const { code, out, err } = await at.run(...args);
      assert.equal(code, exitCode, `${args.join(" ")}: ${out}${err}`);
      said.push(out, err);
    };
    const debug = ["--verbose", "--output", "debug", "--max-retries", "0"];
    const { plain, ...secure } = names;
    await run(3, "pull", ...Object.values(secure), ...debug);
    await run(3, "pull", plain, "--insecure", ...debug);
    const listed = (await at.run("list")).out;
    for (const name of [names.ollama, names.firm, names.docker]) assert.ok(listed.includes(name));

    await run(0, "rm", names.ollama);
    await run(0, "queue", "add", names.ollama, names.stranger);
    await run(3, "queue", "start", "--verbose", "--max-retries", "0");
    const doctors = [names.ollama, names.firm, names.docker].map((name) => at.run("doctor", name));
    for (const { out, err } of await Promise.all(doctors)) said.push(out, err);
    const blobs = filesIn(join(at.models, "blobs")).map((name) => join(at.models, "blobs", name));
    const large = blobs.filter((path) => Deno.statSync(path).size >= SIZE);
    assert.equal(large.length, 3);
    for (const path of large) flip(path, 1000);
    await run(0, "verify", "--full", "--repair", "--verbose");

    assertApart(at);
    const secrets = credentials(at).flatMap(([, texts]) => texts);
    const told = [...said, ...textsIn(at.models)]
      .flatMap((text) => secrets.filter((secret) => text.includes(secret)));
    assert.deepEqual([...new Set(told)], []);
  },
);
