/** Certificates of a private certificate authority. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { authority, good, key } from "../fakes/authority.ts";
import { startProxy } from "../fakes/proxy.ts";
import { testWith } from "../needs.ts";
import { runToEnd, temporaryFolder } from "./child.ts";
import { pullama } from "./program.ts";
import { startNginx } from "./servers.ts";
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
