import assert from "node:assert/strict";
import { join } from "node:path";
import { exitCodeOf, PullamaError } from "../../src/core/errors.ts";
import { firstFailure } from "../../src/core/reports/doctor.ts";
import { serverUrl } from "../../src/setup/checks/server.ts";
import { fingerprint } from "../../src/setup/checks/key.ts";
import { authority, good, key } from "../fakes/authority.ts";
import { noise } from "../fakes/content.ts";
import { htmlPage, redirect, stallAfter } from "../fakes/faults.ts";
import { startHub } from "../fakes/hub.ts";
import { portOf } from "../fakes/listen.ts";
import { startProxy } from "../fakes/proxy.ts";
import { demandBasic, demandTokens } from "../fakes/token_server.ts";
import { mounted } from "../io/mount.ts";
import { foreignKey, KEY, PUBLIC } from "../registry/auth/keys.ts";
import { HOME, type Machine, machine, notMade, of, onlyFailure, states } from "./doctor_machine.ts";
import { needing } from "../needs.ts";

const FINGERPRINT = "SHA256:S6E5UyjD+1BcC04rbuU1LjkSyhFq9JmeHUxj6amjFBo";
const AFTER_TCP = ["tls", "clock", "manifest", "space", "redirect", "range", "speed"];
const AFTER_MANIFEST = ["space", "redirect", "range", "speed"];

async function withKey({ home }: Machine, text = KEY): Promise<void> {
  await Deno.mkdir(`${home}/.ollama`);
  await Deno.writeTextFile(`${home}/.ollama/id_ed25519`, text);
}

async function withAuthority({ root }: Machine): Promise<string> {
  await Deno.writeTextFile(`${root}/ca.pem`, authority);
  return `${root}/ca.pem`;
}

const codeOf = (report: Parameters<typeof firstFailure>[0]) =>
  exitCodeOf(firstFailure(report)!.kind);

Deno.test("diagnose() passes all checks at a registry with TLS, signed URLs and a Date header", async () => {
  await using at = await machine({ tls: { cert: good, key }, blobHosts: 1 });
  at.registry.faults.other = () => ({
    status: 200,
    headers: { date: new Date().toUTCString() },
  });
  await withKey(at);
  const report = await at.diagnose({
    model: `localhost:${portOf(at.registry.host)}/library/tiny`,
    options: { caCert: await withAuthority(at) },
  });
  assert.deepEqual(states(report), [
    "folder ok",
    "server ok",
    "key ok",
    "proxy ok",
    "dns ok",
    "tcp ok",
    "tls ok",
    "clock ok",
    "manifest ok",
    "space ok",
    "redirect ok",
    "range ok",
    "speed ok",
  ]);
  const found = (name: Parameters<typeof of>[1]) => of(report, name).found;
  assert.deepEqual(found("folder").slice(0, 2), [`${at.models} (default)`, "would be created"]);
  assert.deepEqual(found("server"), [`not running at ${at.closed} (not needed for a pull)`]);
  const credentials = `no credentials for localhost:${portOf(at.registry.host)}`;
  const keyFile = join(at.home, ".ollama", "id_ed25519");
  assert.deepEqual(found("key"), [keyFile, "Ed25519", FINGERPRINT, credentials]);
  assert.match(found("dns")[0]!, /^localhost resolves to .*127\.0\.0\.1/);
  assert.ok(found("tcp").includes(`connected to ${at.registry.host}`));
  assert.deepEqual(found("tls").slice(-2), [
    "certificate issued by Example Root CA (Example Corp), valid until 2120-01-01",
    "trusted",
  ]);
  assert.deepEqual(found("clock"), ["correct"]);
  assert.deepEqual(found("manifest").slice(1), ["6.0 MB", "2 blobs", "no authentication needed"]);
  assert.match(found("space").join(), /^6\.0 MB to download,.* free$/);
  assert.deepEqual(found("redirect"), [`blobs come from ${at.registry.blobHosts[0]}`]);
  assert.deepEqual(found("range"), ["206 with bytes 3000000 to 3065535, as requested"]);
  assert.match(found("speed").join(), /^\S+ [kMGT]?B\/s,4 MB in \d+m?s,6\.0 MB would take \d+m?s$/);
  assert.deepEqual(report.hosts, [
    { host: "localhost", port: Number(portOf(at.registry.host)), what: "registry" },
    { host: "127.0.0.1", port: Number(portOf(at.registry.blobHosts[0]!)), what: "blobs" },
  ]);
});

Deno.test("diagnose() downloads the manifest once and 4 MB of the largest blob, without credentials", async () => {
  await using at = await machine({ blobHosts: 1 });
  await withKey(at);
  await at.diagnose();
  const { requests } = at.registry;
  assert.equal(requests.filter(({ path }) => path.includes("/manifests/")).length, 1);
  const sent = requests.reduce((sum, request) => sum + request.sent, 0);
  assert.ok(sent < 4_100_000, `${sent}`);
  assert.deepEqual(requests.filter(({ headers }) => headers.has("authorization")), []);
});

Deno.test("diagnose() reports each check as it ends, and requests without their query", async () => {
  await using at = await machine({ blobHosts: 1 });
  const told: string[] = [];
  const report = await at.diagnose({
    watcher: {
      onBegin: (name) => void told.push(`${name} begins`),
      onCheck: ({ name }) => void told.push(name),
      onRequest: ({ url }) => void told.push(url),
    },
  });
  assert.ok(told.indexOf("redirect begins") < told.indexOf("redirect"));
  assert.ok(told.indexOf("redirect") < told.indexOf("range begins"));
  assert.deepEqual(
    told.filter((text) => report.checks.some(({ name }) => name === text)),
    report.checks.map(({ name }) => name),
  );
  assert.ok(told.some((text) => text.endsWith("/data")));
  assert.doesNotMatch(told.join(), /\?|Signature/i);
});

Deno.test("diagnose() tests writing to existing folders and removes its file", async () => {
  await using at = await machine();
  for (const folder of [at.models, `${at.models}/.pullm`]) {
    await Deno.mkdir(folder, { recursive: true });
    const { found } = of(await at.diagnose(), "folder");
    assert.equal(found[1], "writable");
  }
  assert.equal(
    of(await at.diagnose({ options: { chosenBy: "OLLAMA_MODELS" } }), "folder").state,
    "ok",
  );
});

mounted("diagnose() detects a read-only folder", "size=1m", async (folder, remount) => {
  await using at = await machine();
  await Deno.mkdir(`${folder}/models`);
  await remount("ro");
  const report = await at.diagnose({ options: { modelsDir: `${folder}/models` } });
  const { name, found, hint } = onlyFailure(report);
  assert.equal(name, "folder");
  assert.deepEqual(found, [`cannot write to ${folder}/models: read-only file system`]);
  assert.match(hint!, /--models-dir/);
  assert.deepEqual([codeOf(report), notMade(report)], [1, ["space"]]);
});

mounted(
  "diagnose() detects too little disk space, and a full disk",
  "size=2m",
  async (folder) => {
    await using at = await machine();
    const small = await at.diagnose({ options: { modelsDir: folder } });
    assert.equal(onlyFailure(small).name, "space");
    assert.match(
      onlyFailure(small).found[0]!,
      /^not enough disk space: 6\.0 MB to download, .* free, .* short \(67 MB kept free\)$/,
    );
    assert.equal(codeOf(small), 2);
    await Deno.writeFile(`${folder}/filler`, new Uint8Array(2 << 20));
    const full = await at.diagnose({ options: { modelsDir: folder } });
    assert.equal(
      of(full, "folder").error?.message,
      `cannot write to ${folder}: not enough disk space`,
    );
    assert.equal(codeOf(full), 2);
  },
);

Deno.test("diagnose() detects a file in place of the folder", async () => {
  await using at = await machine();
  await Deno.writeTextFile(`${at.root}/file`, "");
  const report = await at.diagnose({ options: { modelsDir: `${at.root}/file/models` } });
  assert.equal(of(report, "folder").state, "failed");
  assert.equal(codeOf(report), 1);
  const itself = await at.diagnose({ options: { modelsDir: `${at.root}/file` } });
  assert.match(onlyFailure(itself).found[0]!, /file exists and is not a directory$/);
});

Deno.test({
  ...needing(["file owners"], "diagnose() warns if the service's user cannot read the folder"),
  async fn() {
    await using at = await machine();
    await Deno.mkdir(at.models, { recursive: true });
    await Deno.writeTextFile(`${at.root}/passwd`, "me:x:1:1::/:\nollama:x:4711:4711::/:\n");
    await Deno.writeTextFile(`${at.root}/group`, `ollama:x:4711:\nmodels:x:815:me,ollama\n`);
    const input = { options: { chosenBy: "--models-dir" as const } };
    await Deno.chmod(at.root, 0o755);
    assert.equal(of(await at.diagnose(input), "folder").state, "ok");
    await Deno.chmod(at.models, 0o750);
    const { state, found, hint } = of(await at.diagnose(input), "folder");
    assert.equal(state, "warning");
    assert.ok(found.includes("not readable by user ollama"));
    assert.match(hint!, /chmod/);
  },
});

Deno.test("diagnose() reports a running server, and warns about another models folder", async () => {
  await using at = await machine();
  await using server = await machine();
  server.registry.faults.other = ({ path }) =>
    path === "/api/version" ? { status: 200, body: '{"version":"0.34.2"}' } : undefined;
  const env = { OLLAMA_HOST: `http://${server.registry.host}/` };
  const elsewhere = [{ message: "the service uses /srv/models", hint: "set OLLAMA_MODELS" }];
  const { state, found, hint } = of(await at.diagnose({ env, options: { elsewhere } }), "server");
  assert.deepEqual([state, hint], ["warning", "set OLLAMA_MODELS"]);
  assert.deepEqual(found, [
    `Ollama 0.34.2 is running at ${server.registry.host}`,
    "the service uses /srv/models",
  ]);
  server.registry.faults.other = () => htmlPage();
  const other = of(await at.diagnose({ env }), "server");
  assert.deepEqual(other.found, [`the server at ${server.registry.host} is not Ollama`]);
  assert.equal(of(await at.diagnose({ env: { OLLAMA_HOST: "a b" } }), "server").state, "warning");
});

Deno.test("serverUrl() reads OLLAMA_HOST as Ollama does", () => {
  const cases: readonly (readonly [string | undefined, string])[] = [
    [undefined, "http://127.0.0.1:11434"],
    ["", "http://127.0.0.1:11434"],
    ["example.com", "http://example.com:11434"],
    [" '1.2.3.4:56' ", "http://1.2.3.4:56"],
    [":1234", "http://127.0.0.1:1234"],
    ["0.0.0.0", "http://127.0.0.1:11434"],
    ["http://example.com", "http://example.com"],
    ["https://example.com/ollama", "https://example.com"],
    ["https://example.com:1", "https://example.com:1"],
    ["::1", "http://[::1]:11434"],
    ["[::]:80", "http://[::1]"],
  ];
  for (const [text, origin] of cases) assert.equal(serverUrl(text)?.origin, origin, text);
  for (const text of ["user:pw@host", "a b", "[::"]) assert.equal(serverUrl(text), undefined, text);
});

Deno.test("diagnose() accepts a missing key", async () => {
  await using at = await machine();
  const { state, found } = of(await at.diagnose(), "key");
  assert.equal(state, "ok");
  assert.equal(
    found[0],
    `no key ${join(at.home, ".ollama", "id_ed25519")} (not needed for public models)`,
  );
  assert.deepEqual(
    of(await at.diagnose({ env: { [HOME]: "" } }), "key").found[0],
    "no key: no home directory",
  );
});

Deno.test("diagnose() reports an unusable key with exit code 3", async () => {
  await using at = await machine();
  await withKey(at);
  for (
    const [text, says] of [
      [foreignKey("aes256-ctr", "ssh-ed25519"), /is protected by a passphrase/],
      [foreignKey("none", "ssh-rsa"), /is a key of type ssh-rsa, but only Ed25519 is supported/],
      [`ssh-ed25519 ${PUBLIC} me`, /is a public key/],
      ["", /is empty/],
    ] as const
  ) {
    await Deno.writeTextFile(`${at.home}/.ollama/id_ed25519`, text);
    const report = await at.diagnose();
    const { name, found, hint } = onlyFailure(report);
    assert.equal(name, "key");
    assert.match(found[0]!, says);
    assert.match(hint!, /PULLAMA_KEY/);
    assert.equal(codeOf(report), 3);
    assert.equal(of(report, "speed").state, "ok");
  }
});

Deno.test("diagnose() reports the source of credentials, but never the credentials", async () => {
  await using at = await machine();
  const { host } = at.registry;
  await Deno.mkdir(`${at.home}/.docker`);
  const auth = btoa("alice:s3cr3t-7391");
  const config = { auths: { [host]: { auth } } };
  await Deno.writeTextFile(`${at.home}/.docker/config.json`, JSON.stringify(config));
  demandBasic(at.registry, "alice:s3cr3t-7391");
  const report = await at.diagnose();
  assert.ok(
    of(report, "key").found.includes(
      `credentials for ${host} from ${join(at.home, ".docker", "config.json")}`,
    ),
  );
  assert.equal(of(report, "manifest").found.at(-1), "authenticated");
  assert.doesNotMatch(JSON.stringify(report), new RegExp(`s3cr3t|alice|${auth}`));
});

Deno.test("fingerprint() matches ssh-keygen -l", async () => {
  assert.equal(await fingerprint(PUBLIC), FINGERPRINT);
});

Deno.test("diagnose() fails with exit code 3 if access is denied, and lists the token host", async () => {
  await using at = await machine();
  await withKey(at);
  demandTokens(at.registry, { realm: `http://localhost:${portOf(at.registry.host)}/token` });
  const report = await at.diagnose();
  assert.equal(onlyFailure(report).name, "manifest");
  assert.match(onlyFailure(report).found[0]!, /\(401\)/);
  assert.deepEqual([codeOf(report), notMade(report)], [3, AFTER_MANIFEST]);
  assert.ok(report.hosts.some(({ host, what }) => host === "localhost" && what === "login"));
});

Deno.test("diagnose() does not reveal tokens", async () => {
  await using at = await machine({ tls: { cert: good, key } });
  await withKey(at);
  const tokens = demandTokens(at.registry, { keys: [PUBLIC] });
  const report = await at.diagnose({ options: { caCert: await withAuthority(at) } });
  assert.equal(of(report, "manifest").found.at(-1), "authenticated");
  assert.equal(of(report, "speed").state, "ok");
  assert.ok(tokens.tokens.length > 0);
  const said = Deno.inspect(report, { depth: 10, strAbbreviateSize: 1e6 });
  for (const token of tokens.tokens) assert.ok(!said.includes(token));
});

Deno.test("diagnose() fails with exit code 4 if the model is not found", async () => {
  await using at = await machine();
  const report = await at.diagnose({ model: `${at.registry.host}/library/nosuch` });
  assert.equal(onlyFailure(report).name, "manifest");
  assert.match(onlyFailure(report).found[0]!, /^model not found on /);
  assert.deepEqual([codeOf(report), notMade(report)], [4, AFTER_MANIFEST]);
});

Deno.test("diagnose() detects a host that cannot be resolved", async () => {
  await using at = await machine();
  const report = await at.diagnose({ model: "unknown.invalid/library/tiny" });
  assert.equal(onlyFailure(report).name, "dns");
  assert.deepEqual(onlyFailure(report).found, ["the host name unknown.invalid cannot be resolved"]);
  assert.deepEqual([codeOf(report), notMade(report)], [1, ["tcp", ...AFTER_TCP]]);
  assert.deepEqual(report.hosts, [{ host: "unknown.invalid", port: 80, what: "registry" }]);
});

Deno.test("diagnose() detects a refused connection", async () => {
  await using at = await machine();
  const gone = await machine();
  await gone[Symbol.asyncDispose]();
  const report = await at.diagnose({ model: `${gone.registry.host}/library/tiny` });
  const { name, found, hint } = onlyFailure(report);
  assert.equal(name, "tcp");
  assert.match(found[0]!, /^cannot connect to 127\.0\.0\.1, port \d+: connection refused$/);
  assert.match(hint!, /a firewall must allow 127\.0\.0\.1, port \d+$/);
  assert.deepEqual([codeOf(report), notMade(report)], [1, AFTER_TCP]);
});

Deno.test("diagnose() detects an untrusted certificate and names its issuer", async () => {
  await using at = await machine({ tls: { cert: good, key } });
  const report = await at.diagnose();
  const { name, found, hint } = onlyFailure(report);
  assert.equal(name, "tls");
  assert.match(found[0]!, /signed by an unknown authority, Example Root CA \(Example Corp\)$/);
  assert.match(hint!, /--ca-cert FILE/);
  assert.deepEqual([codeOf(report), notMade(report)], [1, AFTER_TCP.slice(1)]);
  assert.deepEqual(at.registry.requests, []);
});

Deno.test("diagnose() detects plain http, or no response, in place of TLS", async () => {
  await using at = await machine();
  using deaf = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const silent = await at.diagnose({
    model: `127.0.0.1:${deaf.addr.port}/library/tiny`,
    options: { insecure: false },
    around: { checkMs: 300 },
  });
  assert.equal(onlyFailure(silent).name, "tls");
  assert.deepEqual(onlyFailure(silent).found, [
    "no response from the registry over TLS after 0.3 s",
  ]);
  assert.match(onlyFailure(silent).hint!, /--insecure/);

  const closing = await at.diagnose({ options: { insecure: false } });
  assert.match(onlyFailure(closing).found[0]!, /: connection closed during the TLS handshake$/);
  assert.match(onlyFailure(closing).hint!, /--insecure/);

  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
      connection.close();
    }
  })();
  const model = `127.0.0.1:${listener.addr.port}/library/tiny`;
  const plain = await at.diagnose({ model, options: { insecure: false } });
  listener.close();
  await serving;
  assert.equal(onlyFailure(plain).name, "tls");
  assert.match(onlyFailure(plain).found[0]!, /^cannot reach 127\.[\d.:]+: /);
  assert.match(onlyFailure(plain).hint!, /--insecure/);
  assert.deepEqual(notMade(plain), AFTER_TCP.slice(1));
});

Deno.test("diagnose() detects a clock that is a day off", async () => {
  await using at = await machine();
  for (const [days, says] of [[-1, "1d00h ahead"], [1, "23h59m behind"]] as const) {
    const date = new Date(Date.now() + days * 86_400_000).toUTCString();
    at.registry.faults.other = () => ({ status: 404, headers: { date } });
    const report = await at.diagnose();
    assert.equal(onlyFailure(report).name, "clock");
    assert.deepEqual(onlyFailure(report).found, [`the clock of this machine is ${says}`]);
    assert.match(onlyFailure(report).hint!, /^set it/);
    assert.equal(codeOf(report), 1);
    assert.equal(of(report, "speed").state, "ok");
  }
});

Deno.test("diagnose() detects a server that ignores ranges, and still measures the speed", async () => {
  await using at = await machine();
  at.registry.faults.data = () => ({ ignoreRange: true });
  const report = await at.diagnose();
  const { name, found, hint } = onlyFailure(report);
  assert.deepEqual([name, found], [
    "range",
    [`${at.registry.host} ignores range requests and sends the whole blob`],
  ]);
  assert.match(hint!, /one connection/);
  assert.equal(codeOf(report), 1);
  assert.deepEqual(of(report, "redirect").found, ["no redirect: blobs come from the registry"]);
  assert.equal(of(report, "speed").state, "ok");
});

Deno.test("diagnose() detects a redirect to an unreachable host, and lists that host", async () => {
  await using at = await machine();
  at.registry.faults.blob = () => redirect(`http://${at.closed}/blob?sig=s3cr3t-7391`);
  const report = await at.diagnose();
  assert.equal(onlyFailure(report).name, "redirect");
  assert.match(
    onlyFailure(report).found[0]!,
    /^cannot reach 127\.[\d.:]+: connection refused$/,
  );
  assert.deepEqual(notMade(report), ["range", "speed"]);
  assert.deepEqual(report.hosts.at(-1), {
    host: "127.0.0.1",
    port: Number(portOf(at.closed)),
    what: "blobs",
  });
  assert.doesNotMatch(Deno.inspect(report, { depth: 10 }), /s3cr3t/);
});

Deno.test("diagnose() respects the time limit when it measures a slow connection", async () => {
  await using at = await machine();
  at.registry.faults.data = ({ range }) =>
    range?.end === 4_000_000 ? { bytesPerSecond: 100_000 } : undefined;
  const { state, found } = of(await at.diagnose({ around: { speedMs: 600 } }), "speed");
  assert.equal(state, "ok");
  const [rate, received, whole] = found;
  assert.match(rate!, /^\d+ kB\/s$/);
  assert.match(received!, /^\d+ kB in \d+ms$/);
  assert.match(whole!, /^6\.0 MB would take /);
});

Deno.test("diagnose() detects a stalled connection", async () => {
  await using at = await machine();
  at.registry.faults.data = ({ range }) => range?.end === 4_000_000 ? stallAfter(10) : undefined;
  const report = await at.diagnose({ around: { speedMs: 300 } });
  assert.equal(onlyFailure(report).name, "speed");
  assert.match(onlyFailure(report).found[0]!, /sent only 10 B in \d+ms$/);
  assert.equal(codeOf(report), 1);
});

Deno.test("diagnose() aborts a check after its time limit", async () => {
  await using at = await machine();
  at.registry.faults.manifest = () => ({ delayMs: Infinity });
  const report = await at.diagnose({ around: { checkMs: 400 } });
  assert.equal(onlyFailure(report).name, "manifest");
  assert.equal(of(report, "manifest").error?.kind, "timeout");
  assert.equal(of(report, "manifest").found[0], "no complete manifest received after 0.4 s");
});

Deno.test("diagnose() stops immediately with the signal, even during a check", async () => {
  await using at = await machine();
  const stop = new AbortController();
  const reason = new PullamaError("interrupted", "interrupted by a signal");
  at.registry.faults.manifest = () => {
    stop.abort(reason);
    return { delayMs: Infinity };
  };
  await assert.rejects(at.diagnose({ watcher: { signal: stop.signal } }), reason);
});

Deno.test("diagnose() through a proxy resolves and connects to the proxy only", async () => {
  await using at = await machine({ tls: { cert: good, key } });
  await using proxy = await startProxy({ hosts: { "registry.example": "127.0.0.1" } });
  const env = { HTTPS_PROXY: `http://alice:s3cr3t-7391@${proxy.host}`, NO_PROXY: "other" };
  const report = await at.diagnose({
    env,
    model: `registry.example:${portOf(at.registry.host)}/library/tiny`,
    options: { caCert: await withAuthority(at) },
  });
  assert.equal(firstFailure(report), undefined);
  const shown = [`http://${proxy.host} from HTTPS_PROXY`, "with credentials"];
  assert.deepEqual(of(report, "proxy").found, shown);
  assert.deepEqual(of(report, "tcp").found, [`connected to ${proxy.host}`]);
  assert.deepEqual(of(report, "tls").found, ["trusted, through the proxy"]);
  const port = Number(portOf(proxy.host));
  assert.ok(report.hosts.some((one) => one.what === "proxy" && one.port === port));
  assert.doesNotMatch(JSON.stringify(report), /s3cr3t|alice/);
});

Deno.test("diagnose() detects a proxy that refuses or requires authentication", async () => {
  await using at = await machine({ tls: { cert: good, key } });
  for (
    const [refusal, code, says] of [
      ["403 Filtered", 1, /the proxy responded with 403 Filtered$/],
      ["407 Proxy Authentication Required", 3, /the proxy rejected the user name/],
    ] as const
  ) {
    await using proxy = await startProxy({ refusal });
    const env = { https_proxy: `http://alice:s3cr3t-7391@${proxy.host}` };
    const report = await at.diagnose({ env, model: "registry.example/library/tiny" });
    assert.equal(onlyFailure(report).name, "tls");
    assert.match(onlyFailure(report).found[0]!, says);
    assert.equal(codeOf(report), code);
    assert.doesNotMatch(Deno.inspect(report, { depth: 10 }), /s3cr3t/);
  }
});

Deno.test("diagnose() reports why no proxy is used, and an invalid proxy", async () => {
  await using at = await machine();
  const none = async (env: Record<string, string>) =>
    of(await at.diagnose({ env }), "proxy").found[0];
  assert.equal(await none({}), "none");
  assert.equal(
    await none({ HTTPS_PROXY: "proxy.example" }),
    "none for http://127.0.0.1: HTTPS_PROXY does not apply",
  );
  const named = await at.diagnose({
    env: { http_proxy: "proxy.example", no_proxy: ".invalid" },
    model: "unknown.invalid/library/tiny",
  });
  assert.equal(of(named, "proxy").found[0], "none for unknown.invalid: excluded by NO_PROXY");
  const env = { HTTP_PROXY: "ftp://alice:s3cr3t-7391@proxy" };
  const broken = await at.diagnose({ env });
  assert.equal(onlyFailure(broken).name, "proxy");
  assert.match(onlyFailure(broken).found[0]!, /HTTP_PROXY has an unsupported proxy scheme/);
  assert.deepEqual(notMade(broken), ["dns", "tcp", ...AFTER_TCP]);
  assert.doesNotMatch(Deno.inspect(broken, { depth: 10 }), /s3cr3t/);
});

Deno.test("diagnose() lists all hosts of a redirecting hub", async () => {
  await using at = await machine();
  await using hub = await startHub({ onPort: true });
  const { name } = hub.add("someone/tiny:latest", {
    layers: [{ mediaType: "application/vnd.ollama.image.model", content: noise(5_000_000) }],
  });
  const report = await at.diagnose({ model: name });
  assert.equal(firstFailure(report), undefined);
  const store = hub.store.blobHosts[0];
  assert.deepEqual(of(report, "redirect").found, [`blobs come from ${store}`]);
  assert.deepEqual(report.hosts.map(({ host, port, what }) => [`${host}:${port}`, what]), [
    [hub.short.host, "registry"],
    [hub.hub.host, "registry"],
    [store, "blobs"],
  ]);
});

Deno.test("diagnose() counts what is already on disk", async () => {
  await using at = await machine();
  at.registry.add("library/stub:latest", {
    config: { mediaType: "application/vnd.docker.container.image.v1+json", content: "{}" },
  });
  const { digest } = at.registry.add("library/tiny:latest", {
    layers: [{ mediaType: "application/vnd.ollama.image.license", content: "free\n" }],
  }).layers[0]!;
  await Deno.mkdir(`${at.models}/blobs`, { recursive: true });
  await Deno.writeTextFile(`${at.models}/blobs/${digest.replace(":", "-")}`, "free\n");
  const report = await at.diagnose();
  assert.deepEqual(of(report, "space").found, ["nothing to download"]);
  assert.equal(of(report, "range").state, "ok");
  const stub = await at.diagnose({ model: `${at.registry.host}/library/stub` });
  assert.equal(firstFailure(stub), undefined);
});

Deno.test("diagnose() reports a container image, which a pull would refuse", async () => {
  await using at = await machine();
  const mediaType = "application/vnd.oci.image.layer.v1.tar+gzip";
  at.registry.add("library/debian:latest", { layers: [{ mediaType, content: "files" }] });
  const report = await at.diagnose({ model: `${at.registry.host}/library/debian` });
  const { name, found } = onlyFailure(report);
  assert.deepEqual([name, codeOf(report)], ["manifest", 1]);
  assert.match(found.join(), /it is a container image, not a model/);
});
