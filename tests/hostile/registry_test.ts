/**
 * A registry that lies in every phase of a pull, and a man in the middle. Whatever they send, a pull ends soon,
 * with the right bytes or one sentence, and shows neither a secret nor a character that controls a terminal.
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { mapConcurrent } from "../../src/io/concurrency.ts";
import { certificate } from "../fakes/certificate.ts";
import { closeAfter, type Fault, multipart, redirect, stallAfter } from "../fakes/faults.ts";
import { authority, certificate as publicCertificate, key } from "../fakes/public_hosts.ts";
import { makeModel } from "../fakes/model.ts";
import { startProxy } from "../fakes/proxy.ts";
import { startRegistry } from "../fakes/registry.ts";
import { challenged, demandTokens } from "../fakes/token_server.ts";
import type { LoggedRequest } from "../fakes/wire.ts";
import { temporaryFolder } from "../real/child.ts";
import { pullama } from "../real/program.ts";
import { fileWith, KEY, PUBLIC } from "../registry/auth/keys.ts";
import { leaks, TLS } from "../registry/auth/world.ts";
import { some } from "../seed.ts";
import { MIB } from "../transfer/world.ts";
import { assertPrintable, HOSTILE } from "../ui/printable.ts";
import { type Lie, lieIn, LONGEST, type Phase, PHASES, secretsIn, survive } from "./lying.ts";
import { testWith } from "../needs.ts";

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

for (const phase of PHASES) {
  Deno.test(`a registry that lies in its ${phase} is survived, in one sentence`, async () => {
    await using keyFile = await fileWith(KEY);
    await mapConcurrent(
      some(Object.entries(LIES), 0.4),
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
  testWith(
    ["ports in folder names"],
    `the program ends in one sentence if a registry sends ${what} in its ${phase}`,
    async () => {
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
    },
  );
}

testWith(
  ["ports in folder names"],
  "5,000 challenges before any login make the program send two requests for a token",
  async () => {
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
  },
);

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
