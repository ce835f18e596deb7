/** pullama behind proxies. 0.0.0.0 is requested only through a proxy: there it is this machine. */

import assert from "node:assert/strict";
import { authority, good, key } from "../fakes/authority.ts";
import { portOf } from "../fakes/listen.ts";
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

/** Two real registries with the same model, with and without TLS, and a home directory. */
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
    /** Pulls through the proxy from the registry at `port`. */
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
    `case 63: http and https requests go through tinyproxy${
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
      assert.match(
        stranger.err,
        /0\.0\.0\.0's certificate is signed by .*, Example Root CA \(Exam/,
      );
      assert.ok(proxy.log().includes(`GET http://0.0.0.0:${at.plain}/v2/library/tiny/`));
      assert.ok(proxy.log().includes(`CONNECT 0.0.0.0:${at.secure}`));
    },
  );
}

testWith(
  ["docker-registry", "tinyproxy"],
  "tinyproxy with a password: exit code 3 for a wrong or missing one, with proxy and variable",
  async () => {
    await using at = await registries();
    await using proxy = await startTinyproxy(LOGIN);
    for (const user of ["", "someone:guess-5521@"]) {
      const url = `http://${user}${proxy.host}`;
      for (const [port, ...flags] of [[at.plain, "--insecure"], [at.secure]] as const) {
        const ended = await at.pull(port, { http_proxy: url, https_proxy: url }, ...flags);
        assert.equal(ended.code, 3, ended.err);
        assert.doesNotMatch(ended.out + ended.err, /guess-5521/);
        // For a wrong password in a plain request it sends 401, like the registry.
        if (user !== "" && port === at.plain) continue;
        assert.match(
          ended.err,
          /(proxy authentication required|the proxy rejected the user name and password)/,
        );
        assert.ok(ended.err.includes(`0.0.0.0:${port} through the proxy ${proxy.host}`));
        assert.match(
          ended.err,
          /hint: set user name and password in https?_proxy: user:password@127/,
        );
      }
    }
  },
);

testWith(
  ["a compiled program"],
  "case 63: proxy variables that Deno itself reads have no effect",
  async () => {
    await using folder = await temporaryFolder();
    await using registry = await startRegistry();
    const model = registry.add("library/tiny:latest", makeModel({ size: SIZE }));
    await using proxy = await startProxy();
    const url = `http://${proxy.host}`;
    const all = { ALL_PROXY: url, all_proxy: url, HTTP_PROXY: url, HTTPS_PROXY: url };
    const argv = [model.name, "--insecure", "--models-dir", `${folder.path}/models`];
    // Loopback addresses are never requested through a proxy.
    const here = await pullama(argv, { home: folder.path, env: all });
    assert.deepEqual([here.code, here.err], [0, ""]);
    const away = argv.with(0, "192.0.2.1:1/library/other");
    const env = { ...all, NO_PROXY: "*" };
    const elsewhere = await pullama([...away, "--max-retries", "0"], { home: folder.path, env });
    assert.equal(elsewhere.code, 1);
    assert.equal(proxy.connections, 0);

    // Exceptions that Deno applies and pullama does not.
    await using socks = await startSocks({ hosts: { "192.0.2.1": "127.0.0.1" } });
    const port = portOf(registry.host);
    const through = argv.with(0, `192.0.2.1:${port}/library/tiny`);
    const asked = { HTTP_PROXY: `socks5://${socks.host}`, no_proxy: "192.0.2.1:1,192.0.2.0/33" };
    const there = await pullama(through, { home: folder.path, env: asked });
    assert.deepEqual([there.code, there.err], [0, ""]);
    assert.ok(socks.targets.includes(`192.0.2.1:${port}`));
  },
);

testWith(
  [],
  "an invalid proxy variable is a usage error that does not show its value",
  async () => {
    await using folder = await temporaryFolder();
    const env = { HTTPS_PROXY: `ftp://${USER}proxy.example` };
    const ended = await pullama(["tiny", "--models-dir", `${folder.path}/m`], {
      home: folder.path,
      env,
    });
    assert.equal(ended.code, 1);
    assert.match(ended.err, /HTTPS_PROXY has an unsupported proxy scheme: ftp:\/\/\nhint: /);
    assert.ok(!ended.err.includes(LOGIN.password));
  },
);

testWith(
  ["tinyproxy"],
  "an error page of tinyproxy is told as one",
  async () => {
    await using folder = await temporaryFolder();
    await using proxy = await startTinyproxy();
    const { path } = folder;
    const args = ["--models-dir", `${path}/models`, "--max-retries", "0"];
    const plain = await pullama(["registry.example/library/tiny", "--insecure", ...args], {
      home: path,
      env: { HTTP_PROXY: `http://${proxy.host}` },
    });
    assert.equal(plain.code, 1);
    assert.ok(plain.err.includes(`registry.example or the proxy ${proxy.host}`), plain.err);
    assert.match(plain.err, /an HTML page titled "\d{3} .*"\nhint: .*HTTP_PROXY.*NO_PROXY/);
  },
);
