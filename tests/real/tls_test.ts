/** Certificates of a private certificate authority. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { authority, good, key } from "../fakes/authority.ts";
import { startProxy } from "../fakes/proxy.ts";
import { testWith } from "../needs.ts";
import { runToEnd, startChild, temporaryFolder } from "./child.ts";
import { pullama } from "./program.ts";
import { startDockerRegistry, startNginx } from "./servers.ts";
import { writeModel } from "./static_model.ts";
import { assertInstalled } from "./store.ts";

const SIZE = 3_000_000;
const ISSUER = "signed by an unknown authority, Example Root CA (Example Corp)";

/** nginx with TLS and a model, and the authority's certificate in several forms. */
async function secured() {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryFolder());
  const model = await writeModel(`${path}/www`, SIZE);
  const nginx = stack.use(await startNginx(`${path}/www`, { tls: { cert: good, key } }));
  await Deno.mkdir(`${path}/certs`);
  await Deno.writeTextFile(`${path}/ca.pem`, authority);
  await Deno.writeTextFile(`${path}/certs/5ed36f99.0`, authority);
  await Deno.writeTextFile(`${path}/certs/broken.pem`, authority.replaceAll("M", "N"));
  const owned = stack.move();
  let count = 0;
  return {
    host: nginx.host,
    path,
    /** Pulls from `host` into a new models folder; resolves with the outcome and that folder. */
    async pull(host: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
      const models = `${path}/models${++count}`;
      const name = `${host}/library/tiny:latest`;
      const ended = await pullama([name, "--models-dir", models, ...args], { home: path, env });
      return { ...ended, models, assertRight: () => assertInstalled(models, name, model) };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

testWith(
  ["nginx"],
  "case 62: nginx with a private authority is rejected, and trusted with each of the settings",
  async () => {
    await using at = await secured();
    const refused = await at.pull(at.host, []);
    assert.equal(refused.code, 1);
    assert.ok(refused.err.includes(at.host) && refused.err.includes(ISSUER), refused.err);
    assert.match(refused.err, /hint: .*--ca-cert FILE/);
    assert.throws(() => Deno.statSync(refused.models), Deno.errors.NotFound);

    const ways: readonly (readonly [string[], Record<string, string>])[] = [
      [["--ca-cert", `${at.path}/ca.pem`], {}],
      [[], { SSL_CERT_FILE: `${at.path}/ca.pem` }],
      [[], { SSL_CERT_DIR: `/nowhere:${at.path}/certs` }],
    ];
    for (const [args, env] of ways) {
      const ended = await at.pull(at.host, args, env);
      assert.deepEqual([ended.code, ended.err], [0, ""]);
      ended.assertRight();
    }
  },
);

testWith(["nginx"], "a file without certificates, or with broken ones, is reported", async () => {
  await using at = await secured();
  for (
    const [file, says] of [
      ["www/v2/library/tiny/manifests/latest", /no certificate in .*latest\n/],
      ["certs/broken.pem", /invalid certificate in .*broken\.pem\n/],
      ["none.pem", /cannot read the certificates in .*none\.pem: /],
    ] as const
  ) {
    const ended = await at.pull(at.host, ["--ca-cert", `${at.path}/${file}`]);
    assert.equal(ended.code, 1);
    assert.match(ended.err, says);
  }
});

testWith(
  ["nginx"],
  "a TLS proxy with a private authority is rejected with its address, and used if that is trusted",
  async () => {
    await using at = await secured();
    const [username, password] = ["someone", "swordfish-7391"];
    await using proxy = await startProxy({
      tls: { cert: good, key },
      hosts: { "registry.example": "127.0.0.1" },
      login: { username, password },
    });
    const host = `registry.example:${at.host.split(":")[1]}`;
    const env = { HTTPS_PROXY: `https://${username}:${password}@${proxy.host}` };
    const refused = await at.pull(host, [], env);
    assert.equal(refused.code, 1);
    assert.ok(refused.err.includes(`through the proxy ${proxy.host}: the proxy's certificate`));
    assert.ok(refused.err.includes(ISSUER), refused.err);
    assert.match(refused.err, /hint: .*--ca-cert FILE/);
    assert.equal(proxy.requests.length, 0);

    const flags = ["--verbose", "--output", "debug", "--ca-cert", `${at.path}/ca.pem`];
    const ended = await at.pull(host, flags, env);
    assert.deepEqual([ended.code, ended.err], [0, ""]);
    ended.assertRight();
    assert.deepEqual([...new Set(proxy.requests.map(({ target }) => target))], [host]);
    assert.ok(
      !ended.out.includes(password) && !ended.out.includes(btoa(`${username}:${password}`)),
    );
  },
);

testWith(
  ["nginx"],
  "the library uses the same proxies and certificates, and does not change the environment",
  async () => {
    await using at = await secured();
    await using proxy = await startProxy({ hosts: { "registry.example": "127.0.0.1" } });
    const host = `registry.example:${at.host.split(":")[1]}`;
    const root = new URL("../../", import.meta.url);
    const caller = `${at.path}/caller.ts`;
    await Deno.writeTextFile(
      caller,
      `import { pull } from ${JSON.stringify(new URL("src/mod.ts", root).href)};
      const summary = await pull(${
        JSON.stringify(`${host}/library/tiny`)
      }, { modelsDir: Deno.args[0] });
      console.log(summary.fetched, Deno.env.get("HTTPS_PROXY"));`,
    );
    const config = fileURLToPath(new URL("deno.json", root));
    const run = ["run", "--quiet", "-A", "--no-check", "--frozen", "--config", config];
    const ended = await runToEnd([Deno.execPath(), ...run, caller, `${at.path}/models`], {
      env: {
        HOME: at.path,
        DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`,
        HTTPS_PROXY: `http://${proxy.host}`,
        SSL_CERT_FILE: `${at.path}/ca.pem`,
      },
    });
    assert.deepEqual([ended.code, ended.err], [0, ""]);
    assert.match(ended.out, new RegExp(`^\\d{7} http://${proxy.host}\n$`));
    assert.ok(proxy.requests.some(({ target }) => target === host));
  },
);

testWith(
  ["nginx", "docker-registry"],
  "plain http to a TLS port of nginx and of docker-registry is reported as what it is",
  async () => {
    await using at = await secured();
    await using docker = await startDockerRegistry({ tls: { cert: good, key } });
    for (const host of [at.host, docker.host]) {
      const ended = await at.pull(host, ["--insecure"]);
      assert.equal(ended.code, 1);
      const says =
        `cannot reach ${host}: it speaks TLS, not plain http\nhint: use https: leave out`;
      assert.ok(ended.err.includes(says), ended.err);
    }
  },
);

testWith(["openssl"], "a server without TLS 1.2 is reported as one", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await Deno.writeTextFile(`${path}/cert.pem`, good);
  await Deno.writeTextFile(`${path}/key.pem`, key);
  await Deno.writeTextFile(`${path}/ca.pem`, authority);
  const pair = ["-cert", `${path}/cert.pem`, "-key", `${path}/key.pem`];
  const old = ["-www", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"];
  await using server = await startChild({
    command: "/bin/sh",
    args: ["-c", 'exec "$@" >&2', "sh", "openssl", "s_server", "-accept", "0", ...old, ...pair],
    ready: /ACCEPT \S*:(\d+)/,
  });
  const name = `127.0.0.1:${server.said}/library/tiny`;
  const args = ["--ca-cert", `${path}/ca.pem`, "--models-dir", `${path}/models`];
  const ended = await pullama([name, ...args], { home: path });
  assert.equal(ended.code, 1);
  assert.match(ended.err, /: the server has no TLS version after 1\.1\nhint: TLS 1\.2 or 1\.3 /);
});

testWith(
  ["nginx", "openssl"],
  "the certificate that docs/troubleshooting.md says how to make works, unlike that of `openssl req -x509`",
  async () => {
    await using folder = await temporaryFolder();
    const { path } = folder;
    const model = await writeModel(`${path}/www`, SIZE);
    const page = await Deno.readTextFile(new URL("../../docs/troubleshooting.md", import.meta.url));
    const [right = ""] = /^openssl req -x509 .*$/m.exec(page) ?? [];
    const pull = async (command: string) => {
      const made = await runToEnd(["sh", "-c", command], { cwd: path });
      assert.equal(made.code, 0, made.err);
      const [cert, key] = await Promise.all(
        ["cert.pem", "key.pem"].map((file) => Deno.readTextFile(`${path}/${file}`)),
      );
      await using nginx = await startNginx(`${path}/www`, { tls: { cert: cert!, key: key! } });
      const name = `localhost:${nginx.host.split(":")[1]}/library/tiny:latest`;
      const args = ["--ca-cert", `${path}/cert.pem`, "--models-dir", `${path}/models`];
      return { name, ...await pullama([name, ...args], { home: path }) };
    };
    const subject = "-subj /CN=localhost -addext subjectAltName=DNS:localhost";
    const files = "-newkey rsa:2048 -nodes -keyout key.pem -out cert.pem";
    const wrong = await pull(`openssl req -x509 ${subject} ${files}`);
    assert.equal(wrong.code, 1);
    assert.match(wrong.err, /is a CA certificate, which is not valid for a server/);
    assert.match(wrong.err, /hint: .*docs\/troubleshooting\.md/);

    const ended = await pull(right.replaceAll("registry.lan", "localhost"));
    assert.deepEqual([ended.code, ended.err], [0, ""]);
    assertInstalled(`${path}/models`, ended.name, model);
  },
);
