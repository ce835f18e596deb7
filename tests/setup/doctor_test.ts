import assert from "node:assert/strict";
import { exitCodeOf, PullamaError } from "../../src/core/errors.ts";
import { firstFailure } from "../../src/core/reports/doctor.ts";
import { serverUrl } from "../../src/setup/checks/server.ts";
import { fingerprint } from "../../src/setup/checks/key.ts";
import { authority, good, key } from "../fakes/authority.ts";
import { noise } from "../fakes/content.ts";
import { htmlPage, redirect, stallAfter } from "../fakes/faults.ts";
import { startHub } from "../fakes/hub.ts";
import { startProxy } from "../fakes/proxy.ts";
import { demandBasic, demandTokens } from "../fakes/token_server.ts";
import { mounted } from "../io/mount.ts";
import { foreignKey, KEY, PUBLIC } from "../registry/auth/keys.ts";
import { type Machine, machine, notMade, of, onlyFailure, states } from "./checkups.ts";

const FINGERPRINT = "SHA256:S6E5UyjD+1BcC04rbuU1LjkSyhFq9JmeHUxj6amjFBo";
const AFTER_TCP = ["tls", "clock", "manifest", "space", "redirect", "range", "speed"];
const AFTER_MANIFEST = ["space", "redirect", "range", "speed"];

/** A host that every resolver has, and nobody else. */
const portOf = ({ registry }: Machine) => registry.host.split(":")[1]!;

async function withKey({ home }: Machine, text = KEY): Promise<void> {
  await Deno.mkdir(`${home}/.ollama`);
  await Deno.writeTextFile(`${home}/.ollama/id_ed25519`, text);
}

async function withAuthority({ root }: Machine): Promise<string> {
  await Deno.writeTextFile(`${root}/ca.pem`, authority);
  return `${root}/ca.pem`;
}

const codeOf = (checkup: Parameters<typeof firstFailure>[0]) =>
  exitCodeOf(firstFailure(checkup)!.kind);

Deno.test("diagnose() finds all well at a registry with TLS, signed addresses and a clock", async () => {
  await using at = await machine({ tls: { cert: good, key }, blobHosts: 1 });
  at.registry.faults.other = () => ({
    status: 200,
    headers: { date: new Date().toUTCString() },
  });
  await withKey(at);
  const checkup = await at.look({
    model: `localhost:${portOf(at)}/library/tiny`,
    options: { caCert: await withAuthority(at) },
  });
  assert.deepEqual(states(checkup), [
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
  const said = (name: Parameters<typeof of>[1]) => of(checkup, name).found;
  assert.deepEqual(said("folder").slice(0, 2), [`${at.models} (default)`, "would be made"]);
  assert.deepEqual(said("server"), [`none answers at ${at.nobody}, and a pull needs none`]);
  const login = `no login for localhost:${portOf(at)}`;
  assert.deepEqual(said("key"), [`${at.home}/.ollama/id_ed25519`, "Ed25519", FINGERPRINT, login]);
  assert.match(said("dns")[0]!, /^localhost is .*127\.0\.0\.1/);
  assert.ok(said("tcp").includes(`connected to ${at.registry.host}`));
  assert.deepEqual(said("tls").slice(-2), [
    "certificate by Example Root CA (Example Corp) until 2120-01-01",
    "trusted",
  ]);
  assert.deepEqual(said("clock"), ["right"]);
  assert.deepEqual(said("manifest").slice(1), ["6.0 MB", "2 blobs", "no login needed"]);
  assert.match(said("space").join(), /^6\.0 MB to fetch,.* free$/);
  assert.deepEqual(said("redirect"), [`blobs come from ${at.registry.blobHosts[0]}`]);
  assert.deepEqual(said("range"), ["206 with bytes 3000000 to 3065535, as asked for"]);
  assert.match(said("speed").join(), /^\S+ [kMGT]?B\/s,4 MB in \d+m?s,6\.0 MB would take \d+m?s$/);
  assert.deepEqual(checkup.hosts, [
    { host: "localhost", port: Number(portOf(at)), what: "registry" },
    { host: "127.0.0.1", port: Number(at.registry.blobHosts[0]!.split(":")[1]), what: "blobs" },
  ]);
});

Deno.test("diagnose() fetches the manifest once and 4 MB of the largest blob, and asks anonymously", async () => {
  await using at = await machine({ blobHosts: 1 });
  await withKey(at);
  await at.look();
  const { requests } = at.registry;
  assert.equal(requests.filter(({ path }) => path.includes("/manifests/")).length, 1);
  const sent = requests.reduce((sum, request) => sum + request.sent, 0);
  assert.ok(sent < 4_100_000, `${sent}`);
  assert.deepEqual(requests.filter(({ headers }) => headers.has("authorization")), []);
});

Deno.test("diagnose() tells of each check as it ends, and of requests without their query", async () => {
  await using at = await machine({ blobHosts: 1 });
  const told: string[] = [];
  const checkup = await at.look({
    watcher: {
      onBegin: (name) => void told.push(`${name} begins`),
      onCheck: ({ name }) => void told.push(name),
      onRequest: ({ url }) => void told.push(url),
    },
  });
  assert.ok(told.indexOf("redirect begins") < told.indexOf("redirect"));
  assert.ok(told.indexOf("redirect") < told.indexOf("range begins"));
  assert.deepEqual(
    told.filter((text) => checkup.checks.some(({ name }) => name === text)),
    checkup.checks.map(({ name }) => name),
  );
  assert.ok(told.some((text) => text.endsWith("/data")));
  assert.doesNotMatch(told.join(), /\?|Signature/i);
});

Deno.test("diagnose() writes into the folders that are there, and takes it back", async () => {
  await using at = await machine();
  for (const folder of [at.models, `${at.models}/.pullm`]) {
    await Deno.mkdir(folder, { recursive: true });
    const { found } = of(await at.look(), "folder");
    assert.equal(found[1], "writable");
  }
  assert.equal(of(await at.look({ options: { chosenBy: "OLLAMA_MODELS" } }), "folder").state, "ok");
});

mounted("diagnose() finds a folder that is read-only", "size=1m", async (folder, remount) => {
  await using at = await machine();
  await Deno.mkdir(`${folder}/models`);
  await remount("ro");
  const checkup = await at.look({ options: { modelsDir: `${folder}/models` } });
  const { name, found, hint } = onlyFailure(checkup);
  assert.equal(name, "folder");
  assert.deepEqual(found, [`cannot write to ${folder}/models: the file system is read-only`]);
  assert.match(hint!, /--models-dir/);
  assert.deepEqual([codeOf(checkup), notMade(checkup)], [1, ["space"]]);
});

mounted(
  "diagnose() finds a folder that is too small, and one that is full",
  "size=2m",
  async (folder) => {
    await using at = await machine();
    const small = await at.look({ options: { modelsDir: folder } });
    assert.equal(onlyFailure(small).name, "space");
    assert.match(
      onlyFailure(small).found[0]!,
      /^6\.0 MB and 67 MB to spare are needed, .* missing$/,
    );
    assert.equal(codeOf(small), 2);
    await Deno.writeFile(`${folder}/filler`, new Uint8Array(2 << 20));
    const full = await at.look({ options: { modelsDir: folder } });
    assert.equal(of(full, "folder").error?.message, `cannot write to ${folder}: the disk is full`);
    assert.equal(codeOf(full), 2);
  },
);

Deno.test("diagnose() finds a file where the folder should be", async () => {
  await using at = await machine();
  await Deno.writeTextFile(`${at.root}/file`, "");
  const checkup = await at.look({ options: { modelsDir: `${at.root}/file/models` } });
  assert.equal(of(checkup, "folder").state, "failed");
  assert.equal(codeOf(checkup), 1);
  const itself = await at.look({ options: { modelsDir: `${at.root}/file` } });
  assert.match(onlyFailure(itself).found[0]!, /file is in the way: it is no folder$/);
});

Deno.test({
  name: "diagnose() warns where the user of the service cannot read the folder",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using at = await machine();
    await Deno.mkdir(at.models, { recursive: true });
    await Deno.writeTextFile(`${at.root}/passwd`, "me:x:1:1::/:\nollama:x:4711:4711::/:\n");
    await Deno.writeTextFile(`${at.root}/group`, `ollama:x:4711:\nmodels:x:815:me,ollama\n`);
    const look = { options: { chosenBy: "--models-dir" as const } };
    await Deno.chmod(at.root, 0o755);
    assert.equal(of(await at.look(look), "folder").state, "ok");
    await Deno.chmod(at.models, 0o750);
    const { state, found, hint } = of(await at.look(look), "folder");
    assert.equal(state, "warning");
    assert.ok(found.includes("the user ollama cannot read it"));
    assert.match(hint!, /chmod/);
  },
});

Deno.test("diagnose() names the server that answers, and warns of another folder", async () => {
  await using at = await machine();
  await using server = await machine();
  server.registry.faults.other = ({ path }) =>
    path === "/api/version" ? { status: 200, body: '{"version":"0.34.2"}' } : undefined;
  const env = { OLLAMA_HOST: `http://${server.registry.host}/` };
  const elsewhere = [{ message: "the service looks elsewhere", hint: "look there" }];
  const { state, found, hint } = of(await at.look({ env, options: { elsewhere } }), "server");
  assert.deepEqual([state, hint], ["warning", "look there"]);
  assert.deepEqual(found, [
    `Ollama 0.34.2 answers at ${server.registry.host}`,
    "the service looks elsewhere",
  ]);
  server.registry.faults.other = () => htmlPage();
  const other = of(await at.look({ env }), "server");
  assert.deepEqual(other.found, [`what answers at ${server.registry.host} is no Ollama server`]);
  assert.equal(of(await at.look({ env: { OLLAMA_HOST: "a b" } }), "server").state, "warning");
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

Deno.test("diagnose() takes a missing key for granted", async () => {
  await using at = await machine();
  const { state, found } = of(await at.look(), "key");
  assert.equal(state, "ok");
  assert.equal(found[0], `no key ${at.home}/.ollama/id_ed25519, which public models do not need`);
  assert.deepEqual(
    of(await at.look({ env: { HOME: "" } }), "key").found[0],
    "no key: there is no home folder",
  );
});

Deno.test("diagnose() says what is wrong with a key, and ends with 3", async () => {
  await using at = await machine();
  await withKey(at);
  for (
    const [text, says] of [
      [foreignKey("aes256-ctr", "ssh-ed25519"), /is protected by a passphrase/],
      [foreignKey("none", "ssh-rsa"), /is a key of type ssh-rsa, where only Ed25519 will do/],
      [`ssh-ed25519 ${PUBLIC} me`, /is a public key/],
      ["", /is empty/],
    ] as const
  ) {
    await Deno.writeTextFile(`${at.home}/.ollama/id_ed25519`, text);
    const checkup = await at.look();
    const { name, found, hint } = onlyFailure(checkup);
    assert.equal(name, "key");
    assert.match(found[0]!, says);
    assert.match(hint!, /PULLAMA_KEY/);
    assert.equal(codeOf(checkup), 3);
    assert.equal(of(checkup, "speed").state, "ok");
  }
});

Deno.test("diagnose() says whether there is a login, and never which", async () => {
  await using at = await machine();
  const { host } = at.registry;
  await Deno.mkdir(`${at.home}/.docker`);
  const auth = btoa("somebody:s3cr3t-7391");
  const config = { auths: { [host]: { auth } } };
  await Deno.writeTextFile(`${at.home}/.docker/config.json`, JSON.stringify(config));
  demandBasic(at.registry, "somebody:s3cr3t-7391");
  const checkup = await at.look();
  assert.ok(
    of(checkup, "key").found.includes(`a login for ${host} from ${at.home}/.docker/config.json`),
  );
  assert.equal(of(checkup, "manifest").found.at(-1), "after a login");
  assert.doesNotMatch(JSON.stringify(checkup), new RegExp(`s3cr3t|somebody|${auth}`));
});

Deno.test("fingerprint() is that of ssh-keygen -l", async () => {
  assert.equal(await fingerprint(PUBLIC), FINGERPRINT);
});

Deno.test("diagnose() ends with 3 where a registry does not let us, and knows where it sent us", async () => {
  await using at = await machine();
  await withKey(at);
  demandTokens(at.registry, { realm: `http://localhost:${portOf(at)}/token` });
  const checkup = await at.look();
  assert.equal(onlyFailure(checkup).name, "manifest");
  assert.match(onlyFailure(checkup).found[0]!, /\(401\)/);
  assert.deepEqual([codeOf(checkup), notMade(checkup)], [3, AFTER_MANIFEST]);
  assert.ok(checkup.hosts.some(({ host, what }) => host === "localhost" && what === "login"));
});

Deno.test("diagnose() shows nothing of a login that succeeds", async () => {
  await using at = await machine();
  await withKey(at);
  const tokens = demandTokens(at.registry, { keys: [PUBLIC] });
  const checkup = await at.look();
  assert.equal(of(checkup, "manifest").found.at(-1), "after a login");
  assert.equal(of(checkup, "speed").state, "ok");
  assert.ok(tokens.tokens.length > 0);
  const said = Deno.inspect(checkup, { depth: 10, strAbbreviateSize: 1e6 });
  for (const token of tokens.tokens) assert.ok(!said.includes(token));
});

Deno.test("diagnose() ends with 4 where the registry does not know the model", async () => {
  await using at = await machine();
  const checkup = await at.look({ model: `${at.registry.host}/library/nosuch` });
  assert.equal(onlyFailure(checkup).name, "manifest");
  assert.match(onlyFailure(checkup).found[0]!, /does not know this model/);
  assert.deepEqual([codeOf(checkup), notMade(checkup)], [4, AFTER_MANIFEST]);
});

Deno.test("diagnose() finds a name that cannot be resolved", async () => {
  await using at = await machine();
  const checkup = await at.look({ model: "nobody.invalid/library/tiny" });
  assert.equal(onlyFailure(checkup).name, "dns");
  assert.deepEqual(onlyFailure(checkup).found, ["the name nobody.invalid cannot be resolved"]);
  assert.deepEqual([codeOf(checkup), notMade(checkup)], [1, ["tcp", ...AFTER_TCP]]);
  assert.deepEqual(checkup.hosts, [{ host: "nobody.invalid", port: 80, what: "registry" }]);
});

Deno.test("diagnose() finds a port that refuses", async () => {
  await using at = await machine();
  const gone = await machine();
  await gone[Symbol.asyncDispose]();
  const checkup = await at.look({ model: `${gone.registry.host}/library/tiny` });
  const { name, found, hint } = onlyFailure(checkup);
  assert.equal(name, "tcp");
  assert.match(found[0]!, /^cannot connect to 127\.0\.0\.1, port \d+: connection refused$/);
  assert.match(hint!, /a firewall has to let 127\.0\.0\.1, port \d+, through$/);
  assert.deepEqual([codeOf(checkup), notMade(checkup)], [1, AFTER_TCP]);
});

Deno.test("diagnose() finds a certificate that is not trusted, and who has issued it", async () => {
  await using at = await machine({ tls: { cert: good, key } });
  const checkup = await at.look();
  const { name, found, hint } = onlyFailure(checkup);
  assert.equal(name, "tls");
  assert.match(found[0]!, /an authority that is not trusted, Example Root CA \(Example Corp\)$/);
  assert.match(hint!, /--ca-cert FILE/);
  assert.deepEqual([codeOf(checkup), notMade(checkup)], [1, AFTER_TCP.slice(1)]);
  assert.deepEqual(at.registry.requests, []);
});

Deno.test("diagnose() finds plain http, and silence, where there should be TLS", async () => {
  await using at = await machine();
  const silent = await at.look({ options: { insecure: false }, around: { checkMs: 300 } });
  assert.equal(onlyFailure(silent).name, "tls");
  assert.deepEqual(onlyFailure(silent).found, [
    "the registry has not answered over TLS after 0.3 s",
  ]);
  assert.match(onlyFailure(silent).hint!, /--insecure/);

  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
      connection.close();
    }
  })();
  const model = `127.0.0.1:${listener.addr.port}/library/tiny`;
  const plain = await at.look({ model, options: { insecure: false } });
  listener.close();
  await serving;
  assert.equal(onlyFailure(plain).name, "tls");
  assert.match(onlyFailure(plain).found[0]!, /^cannot reach 127\.0\.0\.1:\d+: /);
  assert.match(onlyFailure(plain).hint!, /--insecure/);
  assert.deepEqual(notMade(plain), AFTER_TCP.slice(1));
});

Deno.test("diagnose() finds a clock that is a day off", async () => {
  await using at = await machine();
  for (const [days, says] of [[-1, "1d00h ahead"], [1, "23h59m behind"]] as const) {
    const date = new Date(Date.now() + days * 86_400_000).toUTCString();
    at.registry.faults.other = () => ({ status: 404, headers: { date } });
    const checkup = await at.look();
    assert.equal(onlyFailure(checkup).name, "clock");
    assert.deepEqual(onlyFailure(checkup).found, [`the clock of this machine is ${says}`]);
    assert.match(onlyFailure(checkup).hint!, /^set it/);
    assert.equal(codeOf(checkup), 1);
    assert.equal(of(checkup, "speed").state, "ok");
  }
});

Deno.test("diagnose() finds a server that ignores ranges, and measures all the same", async () => {
  await using at = await machine();
  at.registry.faults.data = () => ({ ignoreRange: true });
  const checkup = await at.look();
  const { name, found, hint } = onlyFailure(checkup);
  assert.deepEqual([name, found], [
    "range",
    [`${at.registry.host} sends all of a blob when asked for a part of it`],
  ]);
  assert.match(hint!, /one connection/);
  assert.equal(codeOf(checkup), 1);
  assert.deepEqual(of(checkup, "redirect").found, ["none: blobs come from the registry"]);
  assert.equal(of(checkup, "speed").state, "ok");
});

Deno.test("diagnose() finds a redirect that leads nowhere, and lists where it leads", async () => {
  await using at = await machine();
  at.registry.faults.blob = () => redirect(`http://${at.nobody}/blob?sig=s3cr3t-7391`);
  const checkup = await at.look();
  assert.equal(onlyFailure(checkup).name, "redirect");
  assert.match(
    onlyFailure(checkup).found[0]!,
    /^cannot reach 127\.0\.0\.1:\d+: connection refused$/,
  );
  assert.deepEqual(notMade(checkup), ["range", "speed"]);
  assert.deepEqual(checkup.hosts.at(-1), {
    host: "127.0.0.1",
    port: Number(at.nobody.split(":")[1]),
    what: "blobs",
  });
  assert.doesNotMatch(Deno.inspect(checkup, { depth: 10 }), /s3cr3t/);
});

Deno.test("diagnose() measures a slow line for no longer than it is allowed to", async () => {
  await using at = await machine();
  at.registry.faults.data = ({ range }) =>
    range?.end === 4_000_000 ? { bytesPerSecond: 100_000 } : undefined;
  const { state, found } = of(await at.look({ around: { speedMs: 600 } }), "speed");
  assert.equal(state, "ok");
  const [rate, brought, whole] = found;
  assert.match(rate!, /^\d+ kB\/s$/);
  assert.match(brought!, /^\d+ kB in \d+ms$/);
  assert.match(whole!, /^6\.0 MB would take /);
});

Deno.test("diagnose() finds a line on which nothing comes", async () => {
  await using at = await machine();
  at.registry.faults.data = ({ range }) => range?.end === 4_000_000 ? stallAfter(10) : undefined;
  const checkup = await at.look({ around: { speedMs: 300 } });
  assert.equal(onlyFailure(checkup).name, "speed");
  assert.match(onlyFailure(checkup).found[0]!, /has sent 10 B in \d+ms$/);
  assert.equal(codeOf(checkup), 1);
});

Deno.test("diagnose() gives up a check that takes too long", async () => {
  await using at = await machine();
  at.registry.faults.manifest = () => ({ delayMs: Infinity });
  const checkup = await at.look({ around: { checkMs: 400 } });
  assert.equal(onlyFailure(checkup).name, "manifest");
  assert.equal(of(checkup, "manifest").error?.kind, "timeout");
  assert.equal(of(checkup, "manifest").found[0], "the manifest was not complete after 0.4 s");
});

Deno.test("diagnose() ends at once with the signal, in the middle of a check", async () => {
  await using at = await machine();
  const stop = new AbortController();
  const reason = new PullamaError("interrupted", "stopped by a signal");
  at.registry.faults.manifest = () => {
    stop.abort(reason);
    return { delayMs: Infinity };
  };
  await assert.rejects(at.look({ watcher: { signal: stop.signal } }), reason);
});

Deno.test("diagnose() through a proxy looks up and connects to the proxy alone", async () => {
  await using at = await machine({ tls: { cert: good, key } });
  await using proxy = await startProxy({ hosts: { "registry.example": "127.0.0.1" } });
  const env = { HTTPS_PROXY: `http://someone:s3cr3t-7391@${proxy.host}`, NO_PROXY: "other" };
  const checkup = await at.look({
    env,
    model: `registry.example:${portOf(at)}/library/tiny`,
    options: { caCert: await withAuthority(at) },
  });
  assert.equal(firstFailure(checkup), undefined);
  const shown = [`http://${proxy.host} from HTTPS_PROXY`, "with a user name"];
  assert.deepEqual(of(checkup, "proxy").found, shown);
  assert.deepEqual(of(checkup, "tcp").found, [`connected to ${proxy.host}`]);
  assert.deepEqual(of(checkup, "tls").found, ["trusted, through the proxy"]);
  const port = Number(proxy.host.split(":")[1]);
  assert.ok(checkup.hosts.some((one) => one.what === "proxy" && one.port === port));
  assert.doesNotMatch(JSON.stringify(checkup), /s3cr3t|someone/);
});

Deno.test("diagnose() finds a proxy that refuses or wants a password", async () => {
  await using at = await machine({ tls: { cert: good, key } });
  for (
    const [refusal, code, says] of [
      ["403 Filtered", 1, /the proxy answers 403 Filtered$/],
      ["407 Proxy Authentication Required", 3, /the proxy does not accept the user name/],
    ] as const
  ) {
    await using proxy = await startProxy({ refusal });
    const env = { https_proxy: `http://someone:s3cr3t-7391@${proxy.host}` };
    const checkup = await at.look({ env, model: "registry.example/library/tiny" });
    assert.equal(onlyFailure(checkup).name, "tls");
    assert.match(onlyFailure(checkup).found[0]!, says);
    assert.equal(codeOf(checkup), code);
    assert.doesNotMatch(Deno.inspect(checkup, { depth: 10 }), /s3cr3t/);
  }
});

Deno.test("diagnose() says why no proxy is used, and what is wrong with one that is none", async () => {
  await using at = await machine();
  const none = async (env: Record<string, string>) => of(await at.look({ env }), "proxy").found[0];
  assert.equal(await none({}), "none");
  assert.equal(
    await none({ HTTPS_PROXY: "proxy.example" }),
    "none for http://127.0.0.1, to which HTTPS_PROXY does not apply",
  );
  const named = await at.look({
    env: { http_proxy: "proxy.example", no_proxy: ".invalid" },
    model: "nobody.invalid/library/tiny",
  });
  assert.equal(of(named, "proxy").found[0], "none for nobody.invalid, as NO_PROXY says");
  const env = { HTTP_PROXY: "ftp://someone:s3cr3t-7391@proxy" };
  const broken = await at.look({ env });
  assert.equal(onlyFailure(broken).name, "proxy");
  assert.match(onlyFailure(broken).found[0]!, /HTTP_PROXY names a proxy of an unknown kind/);
  assert.deepEqual(notMade(broken), ["dns", "tcp", ...AFTER_TCP]);
  assert.doesNotMatch(Deno.inspect(broken, { depth: 10 }), /s3cr3t/);
});

Deno.test("diagnose() lists all hosts of a hub that sends us from one to the next", async () => {
  await using at = await machine();
  await using hub = await startHub();
  const { name } = hub.add("someone/tiny:latest", {
    layers: [{ mediaType: "application/vnd.ollama.image.model", content: noise(5_000_000) }],
  });
  const checkup = await at.look({ model: name });
  assert.equal(firstFailure(checkup), undefined);
  const store = hub.store.blobHosts[0];
  assert.deepEqual(of(checkup, "redirect").found, [`blobs come from ${store}`]);
  assert.deepEqual(checkup.hosts.map(({ host, port, what }) => [`${host}:${port}`, what]), [
    [hub.short.host, "registry"],
    [hub.hub.host, "registry"],
    [store, "blobs"],
  ]);
});

Deno.test("diagnose() knows what is here already", async () => {
  await using at = await machine();
  at.registry.add("library/stub:latest", {
    config: { mediaType: "application/vnd.docker.container.image.v1+json", content: "{}" },
  });
  const { digest } = at.registry.add("library/tiny:latest", {
    layers: [{ mediaType: "application/vnd.ollama.image.license", content: "free\n" }],
  }).layers[0]!;
  await Deno.mkdir(`${at.models}/blobs`, { recursive: true });
  await Deno.writeTextFile(`${at.models}/blobs/${digest.replace(":", "-")}`, "free\n");
  const checkup = await at.look();
  assert.deepEqual(of(checkup, "space").found, ["all of it is here"]);
  assert.equal(of(checkup, "range").state, "ok");
  const stub = await at.look({ model: `${at.registry.host}/library/stub` });
  assert.equal(firstFailure(stub), undefined);
});
