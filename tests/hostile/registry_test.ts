/**
 * A registry that lies in every phase of a pull, and a man in the middle. Whatever they send, a pull ends soon,
 * with the right bytes or one sentence, and shows neither a secret nor a character that controls a terminal.
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { asPullamaError } from "../../src/core/errors.ts";
import type { PullEvent } from "../../src/core/events.ts";
import { parseName } from "../../src/core/name.ts";
import { mapConcurrent } from "../../src/io/concurrency.ts";
import { RegistrySource } from "../../src/registry/source.ts";
import { certificate } from "../fakes/certificate.ts";
import { closeAfter, type Fault, multipart, redirect, stallAfter } from "../fakes/faults.ts";
import { authority, certificate as publicCertificate, key } from "../fakes/public_hosts.ts";
import { makeModel } from "../fakes/model.ts";
import { startProxy } from "../fakes/proxy.ts";
import { type Registry, startRegistry } from "../fakes/registry.ts";
import { challenged, demandTokens } from "../fakes/token_server.ts";
import type { LoggedRequest } from "../fakes/wire.ts";
import { temporaryFolder } from "../real/child.ts";
import { pullama } from "../real/program.ts";
import { fileWith, KEY, PUBLIC, SEED } from "../registry/auth/keys.ts";
import { leaks, TLS } from "../registry/auth/world.ts";
import { notesIn, screens, textsOf } from "../transfer/shown.ts";
import { MIB, type World, world } from "../transfer/world.ts";
import { assertPrintable, HOSTILE } from "../ui/printable.ts";

/** In milliseconds. */
const LONGEST = 10_000;
/** Body bytes that a registry gets rid of: more than the largest manifest and chunk list that are read. */
const MOST_SENT = 64 * MIB;
const MOST_REQUESTS = 60;

const PHASES = ["manifest", "token", "redirect", "blob", "chunk list"] as const;
type Phase = typeof PHASES[number];

/** A response that lies; `right` is the one to change. */
type Lie = (request: LoggedRequest, right: Fault, n: number) => Fault;

const ESCAPES = Object.values(HOSTILE).join("x").replaceAll(
  /[\ud800-\udbff](?![\udc00-\udfff])/g,
  "",
);

/** What the request has shown, as it is and encoded, among sequences of a terminal. */
function repeated({ headers, target }: LoggedRequest): string {
  const secret = headers.get("authorization")?.split(" ").at(-1) ?? "";
  const bytes = Buffer.from(secret);
  const forms = [
    secret,
    bytes.toString("base64"),
    bytes.toString("hex"),
    encodeURIComponent(secret),
  ];
  return `${ESCAPES}${forms.join(ESCAPES)}${target}${ESCAPES}`;
}

function with_(headers: Fault["headers"]): Lie {
  return (_, right) => ({ ...right, headers: { ...right.headers, ...headers } });
}

const LIES: Readonly<Record<string, Lie>> = {
  "a body that never ends": (_, right) => ({ ...right, chunked: true, extraBytes: 1e12 }),
  "a body that is a few bytes a second": (_, right) => ({ ...right, bytesPerSecond: 20 }),
  "headers that never end": () => ({ endlessHeaders: true }),
  "nothing": () => ({ delayMs: Infinity }),
  "half a body, and then nothing": (_, right) => ({ ...right, ...stallAfter(20) }),
  "half a body": (_, right) => ({ ...right, ...closeAfter(20) }),
  "a length that is none": with_({ "content-length": "many" }),
  "two lengths": with_({ "content-length": "5, 6" }),
  "a length of 2^64": with_({ "content-length": "18446744073709551616" }),
  "a length that is a byte too short": (_, right, n) => ({
    ...right,
    headers: { ...right.headers, "content-length": String(16 + n) },
  }),
  "another range": with_({ "content-range": "bytes 7-9007199254740993/3" }),
  "an unknown transfer coding": with_({ "transfer-encoding": "gzip, chunked" }),
  "a compressed body": (_, right) => ({ ...right, gzip: true }),
  "several parts": () => multipart(),
  "5,000 challenges": ({ host }) =>
    challenged(
      Array.from({ length: 5000 }, (_, k) =>
        `Bearer realm="https://${host}/token?${k}",service="${k}"`)
        .join(", "),
    ),
  "a refusal with sequences of a terminal": (request, _, n) => ({
    status: [400, 403, 404, 412, 451][n % 5]!,
    headers: { "content-type": "application/json", "www-authenticate": undefined },
    body: JSON.stringify({ errors: [{ code: repeated(request), message: repeated(request) }] }),
  }),
  "a busy server with sequences of a terminal": (request) => ({
    status: 503,
    headers: { "retry-after": "soon" },
    body: repeated(request),
  }),
  "JSON with sequences of a terminal": (request) => ({
    status: 200,
    body: JSON.stringify({
      schemaVersion: 2,
      mediaType: repeated(request),
      layers: [{ digest: repeated(request), mediaType: repeated(request), size: 1 }],
      token: `${repeated(request)}`,
    }),
  }),
  "JSON of other types": () => ({
    status: 200,
    body: JSON.stringify({ layers: { toString: 1 }, token: { toString: 1 }, errors: [[]] }),
  }),
  "an error of other types": () => ({
    status: 400,
    body: JSON.stringify({ errors: [{ message: { toString: 1 } }, null] }),
  }),
  "100,000 open brackets": () => ({ status: 200, body: "[".repeat(100_000) }),
  "a redirect to a file": () => redirect("file:///etc/passwd"),
  "a redirect to a cloud's metadata": () => redirect("http://169.254.169.254/latest/meta-data/"),
  "a redirect in a circle": ({ target }) => redirect(target),
  "a redirect to what was sent": (request) => ({
    status: 307,
    headers: { location: encodeURI(`/${repeated(request)}`) },
  }),
  "a redirect that cannot be parsed": () => redirect("http://[::1"),
};

/** Lies that cost time: their silence is waited for. */
const LIMITS = { alone: 300, besideOthers: 300, slowest: 1000, slowMs: 300 };

const LOGIN = { user: "somebody", password: "s3cret-Pa55word!" };

/** Makes `registry` lie in one phase, after a login where that comes before. */
function lieIn(registry: Registry, phase: Phase, lie: Lie): void {
  demandTokens(registry, { keys: [PUBLIC], login: `${LOGIN.user}:${LOGIN.password}` });
  const { faults } = registry;
  const hook = ({
    manifest: "manifest",
    token: "other",
    redirect: "blob",
    blob: "data",
    "chunk list": "chunksums",
  } as const)[phase];
  const before = faults[hook];
  faults[hook] = async (request, n) => {
    const right = await before?.(request, n) ?? {};
    // A challenge comes first, except from the token server.
    return right.status !== undefined && phase !== "token" ? right : lie(request, right, n);
  };
}

/** Pulls once from a registry that lies; what came of it, and everything that was shown and written. */
async function pullFrom(place: World, keyFile: string) {
  const { host, url } = place.registry;
  const secure = url.startsWith("https:");
  const model = place.tiny(MIB + 10_000);
  const events: PullEvent[] = [];
  const notes: string[] = [];
  using source = new RegistrySource({
    userAgent: "test",
    insecure: !secure,
    caCerts: [certificate],
    identity: { keyFile, ...(!secure && { login: { host, ...LOGIN } }) },
    chunkSize: 256 * 1024,
    headerTimeoutMs: 300,
    silenceMs: 300,
    chunksumsMs: 200,
    onRequest: (note) => events.push({ event: "request", ...note }),
    onWarning: (message, hint) => events.push({ event: "warning", message, hint }),
    onNote: (note) => notes.push(note),
  });
  const began = performance.now();
  const pull = place.start(model.name, {
    settings: { maxRetries: 1, chunkSize: 256 * 1024 },
    silence: LIMITS,
    source: () => source,
    onEvent: (event) => events.push(event),
  });
  const error = await pull.result.then(() => undefined, asPullamaError);
  const elapsedMs = performance.now() - began;
  if (error) {
    const name = parseName(model.name);
    events.push({ event: "pull_failed", name, given: model.name, error });
  } else place.assertInstalled(model);
  const texts = [...notes, ...events.flatMap(textsOf), ...notesIn(place)];
  return { error, elapsedMs, texts, screens: screens(events) };
}

/** What was secret in the requests, as it is and encoded. */
function secretsIn(requests: readonly LoggedRequest[]): string[] {
  const plain = requests.flatMap(({ headers, query }) => [
    ...(headers.get("authorization") ?? "").split(/[ :]/).slice(1),
    query.get("X-Amz-Signature") ?? "",
    query.get("nonce") ?? "",
  ]);
  const seed = Buffer.from(SEED, "hex").toString("base64").slice(0, 40);
  const known = [SEED, seed, LOGIN.password];
  const all = [...new Set([...plain, ...known])].filter((secret) => secret.length >= 6);
  return all.flatMap((secret) => {
    const bytes = Buffer.from(secret);
    return [secret, bytes.toString("base64"), bytes.toString("hex")];
  });
}

function assertOneSentence(text: string | undefined, what: string): void {
  if (text === undefined) return;
  assert.ok(text.length > 0 && text.length < 2000, `${what}: ${text.length} characters`);
  assert.doesNotMatch(text, /\n|\.$/, what);
}

/** Pulls from a registry that tells this lie in this phase, and checks how that ends. */
async function survive(phase: Phase, what: string, lie: Lie, keyFile: string): Promise<void> {
  // Nothing is signed over plain http: there it is a password.
  const tls = phase === "blob" || phase === "chunk list" ? {} : TLS;
  await using place = await world({ ...tls, blobHosts: 1, chunkLength: 128 * 1024 });
  lieIn(place.registry, phase, lie);
  const { error, elapsedMs, texts, screens } = await pullFrom(place, keyFile);
  assert.ok(elapsedMs < LONGEST, `${what}: ${Math.round(elapsedMs)} ms`);
  assert.notEqual(error?.kind, "internal", `${what}: ${error?.message}`);
  assertOneSentence(error?.message, what);
  assertOneSentence(error?.hint, what);
  for (const text of screens) assertPrintable(text, what);
  const { requests } = place.registry;
  assert.deepEqual(leaks([...texts, ...screens], secretsIn(requests)), [], what);
  assert.ok(requests.length < MOST_REQUESTS, `${what}: ${requests.length} requests`);
  const sent = requests.reduce((sum, request) => sum + request.sent, 0);
  assert.ok(sent < MOST_SENT, `${what}: ${sent} bytes`);
  // A chunk list is optional.
  if (phase === "chunk list") assert.equal(error, undefined, what);
}

for (const phase of PHASES) {
  Deno.test(`a registry that lies in its ${phase} is survived, in one sentence`, async () => {
    await using keyFile = await fileWith(KEY);
    await mapConcurrent(
      Object.entries(LIES),
      3,
      ([what, lie]) => survive(phase, what, lie, keyFile.path),
    );
  });
}

/** Runs the program beside a registry, and checks what it shows and what it leaves. */
async function runProgram(
  model: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  requests: () => readonly LoggedRequest[],
) {
  await using folder = await temporaryFolder();
  const began = performance.now();
  const always = ["--max-retries", "0", "--models-dir", `${folder.path}/models`];
  const ended = await pullama([model, ...always, ...args], { home: folder.path, env });
  assert.ok(performance.now() - began < LONGEST, `${args} took too long`);
  const secrets = secretsIn(requests());
  const files = filesBelow(folder.path).filter((path) => !/blobs|\.partial$/.test(path));
  const texts = [ended.out, ended.err, ...files.map((path) => Deno.readTextFileSync(path))];
  assert.deepEqual(leaks(texts, secrets), []);
  for (const text of [ended.out, ended.err]) assertPrintable(text, args.join(" "));
  return ended;
}

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${folder}/${name}`) : [`${folder}/${name}`]
  );
}

const OUTPUTS = ["table", "compact", "json", "debug"];
const SAMPLES: readonly (readonly [Phase, keyof typeof LIES])[] = [
  ["manifest", "a refusal with sequences of a terminal"],
  ["token", "5,000 challenges"],
  ["redirect", "a redirect to a cloud's metadata"],
  ["blob", "a body that never ends"],
];
for (const [k, [phase, what]] of SAMPLES.entries()) {
  Deno.test(`the program ends in one sentence if a registry sends ${what} in its ${phase}`, async () => {
    await using keyFile = await fileWith(KEY);
    await using ca = await fileWith(certificate);
    await using registry = await startRegistry({ ...TLS, blobHosts: 1 });
    const { name } = registry.add("library/tiny:latest", makeModel({ size: MIB }));
    lieIn(registry, phase, LIES[what]!);
    const verbose = k % 2 ? ["--verbose"] : [];
    const args = ["--ca-cert", ca.path, "--output", OUTPUTS[k]!, ...verbose];
    const env = { PULLAMA_KEY: keyFile.path };
    const { code, err } = await runProgram(name, args, env, () => registry.requests);
    // With --verbose, stack traces follow.
    const sentence = `${/^cannot pull .+\n(?:hint: .+\n)?/.source}${k % 2 ? "" : "$"}`;
    if (code !== 0) assert.match(err, new RegExp(sentence));
    else assert.equal(err, "");
  });
}

Deno.test("5,000 challenges before any login make the program send two requests for a token", async () => {
  await using keyFile = await fileWith(KEY);
  await using ca = await fileWith(certificate);
  await using registry = await startRegistry(TLS);
  const server = demandTokens(registry, {});
  registry.faults.manifest = (request, n) => LIES["5,000 challenges"]!(request, {}, n);
  const name = `${registry.host}/library/tiny`;
  const env = { PULLAMA_KEY: keyFile.path };
  const { code } = await runProgram(name, ["--ca-cert", ca.path], env, () => registry.requests);
  assert.equal(code, 3);
  assert.equal(server.asked.length, 2);
});

/**
 * A network between this machine and the internet: requests over plain http are answered by `middle`, those over
 * https reach `ollama`, which has the certificate of ollama.com.
 */
async function between() {
  await using stack = new AsyncDisposableStack();
  const middle = stack.use(await startRegistry());
  const ollama = stack.use(await startRegistry({ tls: { cert: publicCertificate, key } }));
  const hosts = Object.fromEntries(
    ["ollama.com", "registry.ollama.ai", "hf.co", "huggingface.co"].map((
      host,
    ) => [host, ollama.host]),
  );
  const tunnels = stack.use(await startProxy({ hosts }));
  const keyFile = stack.use(await fileWith(KEY));
  const ca = stack.use(await fileWith(authority));
  const owned = stack.move();
  return {
    middle,
    ollama,
    pull: (model: string, ...args: string[]) =>
      runProgram(model, ["--ca-cert", ca.path, ...args], {
        PULLAMA_KEY: keyFile.path,
        HTTP_PROXY: `http://${middle.host}`,
        HTTPS_PROXY: `http://${tunnels.host}`,
      }, () => [...middle.requests, ...ollama.requests]),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const REALMS = [
  "https://ollama.com/token?scope=repository:somebody/private:pull",
  "https://registry.ollama.ai/token",
  "http://registry.ollama.ai/token",
];
for (const realm of REALMS) {
  Deno.test(`a man in the middle of --insecure gets no signature with the realm ${realm}`, async () => {
    await using at = await between();
    const server = demandTokens(at.ollama, { keys: [PUBLIC], anonymous: true });
    const scope = "repository:library/tiny:pull repository:somebody/private:pull,push";
    at.middle.faults.manifest = () =>
      challenged(`Bearer realm="${realm}",service="ollama.com",scope="${scope}"`);
    const { code, err } = await at.pull("tiny", "--insecure");
    assert.equal(code, 3, err);
    assert.match(err, /cannot pull tiny:latest: model not found on registry\.ollama\.ai, or auth/);
    const shown = [...at.middle.requests, ...at.ollama.requests]
      .map(({ headers }) => headers.get("authorization"))
      .filter((header) => header !== null);
    // A token for anonymous access is no secret, and all that anyone gets.
    assert.deepEqual(shown.filter((header) => !header.startsWith("Bearer ")), []);
    for (const { query } of server.asked) {
      assert.deepEqual(query.getAll("scope"), ["repository:library/tiny:pull"]);
    }
  });
}

Deno.test("over https the same key gets a token, from the other host of the pair", async () => {
  await using at = await between();
  at.ollama.add("library/tiny:latest", makeModel({ size: 10_000 }));
  const server = demandTokens(at.ollama, {
    keys: [PUBLIC],
    realm: "https://ollama.com/token",
  });
  const { code, err } = await at.pull("tiny");
  assert.equal(code, 0, err);
  assert.equal(server.issued, 1);
  assert.equal(at.middle.requests.length, 0);
});

Deno.test("a man in the middle of --insecure cannot make pullama send requests into a network", async () => {
  await using at = await between();
  for (
    const target of [
      "http://169.254.169.254/",
      "http://127.0.0.1:1/",
      "http://168.63.129.16/",
      "http://10.0.0.1/",
    ]
  ) {
    at.middle.faults.manifest = () => redirect(target);
    const { code, err } = await at.pull("tiny", "--insecure");
    assert.equal(code, 1);
    assert.match(err, /refusing to follow a redirect from registry\.ollama\.ai: the target is /);
  }
});
