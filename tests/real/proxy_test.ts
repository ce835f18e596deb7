/** The program behind proxies. Nothing but a proxy is asked to connect to 0.0.0.0: there it is this machine. */

import assert from "node:assert/strict";
import { authority, good, key } from "../fakes/authority.ts";
import { startProxy } from "../fakes/proxy.ts";
import { startRegistry } from "../fakes/registry.ts";
import { startSocks } from "../fakes/socks.ts";
import { makeModel } from "../fakes/model.ts";
import { testWith } from "../needs.ts";
import { temporaryFolder } from "./child.ts";
import { pullama } from "./program.ts";
import { pushModel } from "./push.ts";
import { startDockerRegistry, startTinyproxy } from "./servers.ts";
import { assertInstalled } from "./store.ts";

const SIZE = 3_000_000;
const LOGIN = { username: "someone", password: "swordfish-7391" };
const USER = `${LOGIN.username}:${LOGIN.password}@`;

/** Two real registries with the same model, without and with TLS, and a user's home. */
async function registries() {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await temporaryFolder());
  const store = `${path}/store`;
  const plain = stack.use(await startDockerRegistry({ store }));
  const pushed = await pushModel({ host: plain.host, repository: "library/tiny", size: SIZE });
  const secure = stack.use(await startDockerRegistry({ store, tls: { cert: good, key } }));
  await Deno.writeTextFile(`${path}/ca.pem`, authority);
  const port = (host: string) => host.split(":")[1]!;
  const owned = stack.move();
  let count = 0;
  return {
    plain: port(plain.host),
    secure: port(secure.host),
    /** Pulls from the host with this address on the other side of the proxy. */
    async pull(port: string, env: Readonly<Record<string, string>>, ...flags: string[]) {
      const models = `${path}/models${++count}`;
      const name = `0.0.0.0:${port}/library/tiny:latest`;
      const argv = [name, "--models-dir", models, ...flags, "--verbose", "--output", "debug"];
      const all = { SSL_CERT_FILE: `${path}/ca.pem`, ...env };
      const ended = await pullama(argv, { home: path, env: all });
      for (const text of [ended.out, ended.err]) {
        assert.ok(!text.includes(LOGIN.password) && !text.includes(btoa(USER.slice(0, -1))));
      }
      return { ...ended, models, assertRight: () => assertInstalled(models, name, pushed) };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

for (const login of [undefined, LOGIN]) {
  testWith(
    ["docker-registry", "tinyproxy"],
    `case 63: http and https go through tinyproxy${
      login ? " with a password" : ""
    } to docker-registry`,
    async () => {
      await using at = await registries();
      await using proxy = await startTinyproxy(login);
      const url = `http://${login ? USER : ""}${proxy.host}`;
      const env = { HTTP_PROXY: url, HTTPS_PROXY: url };
      const plain = await at.pull(at.plain, env, "--insecure");
      assert.deepEqual([plain.code, plain.err], [0, ""]);
      plain.assertRight();
      const secure = await at.pull(at.secure, env);
      assert.deepEqual([secure.code, secure.err], [0, ""]);
      secure.assertRight();
      const stranger = await at.pull(at.secure, { ...env, SSL_CERT_FILE: "" });
      assert.equal(stranger.code, 1);
      assert.match(stranger.err, /0\.0\.0\.0's certificate is from .*, Example Root CA \(Example/);
      assert.ok(proxy.log().includes(`GET http://0.0.0.0:${at.plain}/v2/library/tiny/`));
      assert.ok(proxy.log().includes(`CONNECT 0.0.0.0:${at.secure}`));
    },
  );
}

testWith(
  ["docker-registry", "tinyproxy"],
  "tinyproxy with a password: a wrong or missing one ends with 3, naming proxy and variable",
  async () => {
    await using at = await registries();
    await using proxy = await startTinyproxy(LOGIN);
    for (const user of ["", "someone:guess-5521@"]) {
      const url = `http://${user}${proxy.host}`;
      for (const [port, ...flags] of [[at.plain, "--insecure"], [at.secure]] as const) {
        const ended = await at.pull(port, { http_proxy: url, https_proxy: url }, ...flags);
        assert.equal(ended.code, 3, ended.err);
        assert.doesNotMatch(ended.out + ended.err, /guess-5521/);
        // It says 401 to a wrong password in a request, as the registry itself would.
        if (user !== "" && port === at.plain) continue;
        assert.match(ended.err, /the proxy (wants a|does not accept the) user name and/);
        assert.ok(ended.err.includes(`0.0.0.0:${port} through the proxy ${proxy.host}`));
        assert.match(ended.err, /hint: .*https?_proxy in front of the host: user:password@127/);
      }
    }
  },
);

testWith(
  ["a compiled program"],
  "case 63: what Deno itself reads of the environment changes nothing",
  async () => {
    await using folder = await temporaryFolder();
    await using registry = await startRegistry();
    const model = registry.add("library/tiny:latest", makeModel({ size: SIZE }));
    await using proxy = await startProxy();
    const url = `http://${proxy.host}`;
    const all = { ALL_PROXY: url, all_proxy: url, HTTP_PROXY: url, HTTPS_PROXY: url };
    const argv = [model.name, "--insecure", "--models-dir", `${folder.path}/models`];
    // This machine is never behind a proxy, whatever Deno thinks.
    const here = await pullama(argv, { home: folder.path, env: all });
    assert.deepEqual([here.code, here.err], [0, ""]);
    const away = argv.with(0, "192.0.2.1:1/library/other");
    const env = { ...all, NO_PROXY: "*" };
    const elsewhere = await pullama([...away, "--max-retries", "0"], { home: folder.path, env });
    assert.equal(elsewhere.code, 1);
    assert.equal(proxy.connections, 0);

    // An exception that Deno understands and we do not make.
    await using socks = await startSocks({ hosts: { "192.0.2.1": "127.0.0.1" } });
    const port = registry.host.split(":")[1];
    const through = argv.with(0, `192.0.2.1:${port}/library/tiny`);
    const asked = { HTTP_PROXY: `socks5://${socks.host}`, no_proxy: "192.0.2.1:1,192.0.2.0/33" };
    const there = await pullama(through, { home: folder.path, env: asked });
    assert.deepEqual([there.code, there.err], [0, ""]);
    assert.ok(socks.targets.includes(`192.0.2.1:${port}`));
  },
);

testWith(
  [],
  "a proxy variable that names no proxy is a usage error without its value",
  async () => {
    await using folder = await temporaryFolder();
    const env = { HTTPS_PROXY: `ftp://${USER}proxy.example` };
    const ended = await pullama(["tiny", "--models-dir", `${folder.path}/m`], {
      home: folder.path,
      env,
    });
    assert.equal(ended.code, 1);
    assert.match(ended.err, /HTTPS_PROXY names a proxy of an unknown kind: ftp:\/\/\nhint: /);
    assert.ok(!ended.err.includes(LOGIN.password));
  },
);
