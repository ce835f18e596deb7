import assert from "node:assert/strict";
import { tokenHostTrust } from "../../../src/registry/auth/token_host.ts";
import { certificate } from "../../fakes/certificate.ts";
import { portOf } from "../../fakes/listen.ts";
import { makeModel } from "../../fakes/model.ts";
import { startRegistry } from "../../fakes/registry.ts";
import { demandTokens } from "../../fakes/token_server.ts";
import { temporaryFolder } from "../../real/child.ts";
import { pullama } from "../../real/program.ts";
import { authWorld, TLS } from "./world.ts";
import { testWith } from "../../needs.ts";

const LOGIN = { user: "me", password: "secret-7391" };

Deno.test("a password is sent to a token server on another host only if the user names that host", async () => {
  await using elsewhere = await startRegistry(TLS);
  const port = portOf(elsewhere.host);
  // The registry is at 127.0.0.1: another name of this machine is another host.
  const server = `localhost:${port}`;
  for (const tokenHosts of [[], [`localhost:${Number(port) + 1}`, "localhost"], [server]]) {
    await using w = await authWorld({ login: LOGIN, tokenHosts });
    const options = { login: `${LOGIN.user}:${LOGIN.password}`, realm: `https://${server}/token` };
    const at = demandTokens(elsewhere, options);
    const registry = demandTokens(w.registry, options);
    const before = at.asked.length;
    // The tokens of the one are those of the other.
    const guard = w.registry.faults.manifest;
    w.registry.faults.manifest = (request, n) =>
      at.tokens.some((token) => request.headers.get("authorization") === `Bearer ${token}`)
        ? undefined
        : guard?.(request, n);
    if (tokenHosts.includes(server)) {
      await w.manifest();
      const headers = at.asked.slice(before).map(({ headers }) => headers.get("authorization"));
      assert.deepEqual(headers, [`Basic ${btoa(options.login)}`]);
    } else {
      const { message, hint } = await w.refused();
      assert.ok(message.includes(`not sent to the token server ${server}`), message);
      assert.ok(hint!.includes(`--token-host ${server}`), hint);
      const headers = at.asked.slice(before).map(({ headers }) => headers.get("authorization"));
      assert.deepEqual(headers, [null]);
    }
    assert.equal(registry.asked.length, 0);
  }
});

Deno.test("tokenHostTrust() trusts a host that the user names, at its port, never over plain http", () => {
  const cases:
    readonly (readonly [realm: string, registry: string, named: string, trust: string])[] = [
      ["https://sso.corp/auth", "https://registry.corp", "sso.corp", "trusted"],
      ["https://SSO.corp/auth", "https://registry.corp", "sso.Corp", "trusted"],
      ["https://sso.corp:443/auth", "https://registry.corp", "sso.corp:443", "trusted"],
      ["https://sso.corp:8443/auth", "https://registry.corp", "sso.corp:8443", "trusted"],
      ["https://sso.corp:8443/auth", "https://registry.corp", "sso.corp", "foreign"],
      ["https://sso.corp/auth", "https://registry.corp", "sso.corp:8443", "foreign"],
      ["https://sso.corp.evil/auth", "https://registry.corp", "sso.corp", "foreign"],
      ["https://a.sso.corp/auth", "https://registry.corp", "sso.corp", "foreign"],
      ["http://sso.corp/auth", "https://registry.corp", "sso.corp", "plain"],
      ["http://sso.corp/auth", "http://registry.corp", "sso.corp", "trusted"],
      ["https://[::1]:5001/auth", "https://registry.corp", "[::1]:5001", "trusted"],
    ];
  for (const [realm, registry, named, trust] of cases) {
    const found = tokenHostTrust(new URL(realm), new URL(registry), [named]);
    assert.equal(found, trust, `${realm} ${named}`);
  }
});

testWith(
  ["ports in folder names"],
  "pullama --token-host and PULLAMA_TOKEN_HOSTS pull with a login that is not sent without them",
  async () => {
    await using folder = await temporaryFolder();
    await using registry = await startRegistry(TLS);
    await using sso = await startRegistry(TLS);
    const server = `localhost:${portOf(sso.host)}`;
    const options = { login: `${LOGIN.user}:${LOGIN.password}`, realm: `https://${server}/token` };
    const at = demandTokens(sso, options);
    demandTokens(registry, options);
    const { manifest: guard } = registry.faults;
    registry.faults.manifest = registry.faults.blob = (request, n) =>
      at.tokens.some((token) => request.headers.get("authorization") === `Bearer ${token}`)
        ? undefined
        : guard?.(request, n);
    const { name } = registry.add("library/tiny:latest", makeModel({ size: 100_000 }));
    await Deno.writeTextFile(`${folder.path}/ca.pem`, certificate);
    const run = (env: Record<string, string>, ...flags: string[]) => {
      const args = [name, "--models-dir", `${folder.path}/models`, ...flags];
      const login = {
        PULLAMA_REGISTRY_HOST: registry.host,
        PULLAMA_REGISTRY_USER: LOGIN.user,
        PULLAMA_REGISTRY_PASSWORD: LOGIN.password,
      };
      const all = { SSL_CERT_FILE: `${folder.path}/ca.pem`, ...login, ...env };
      return pullama(args, { home: folder.path, env: all });
    };
    const refused = await run({});
    assert.equal(refused.code, 3, refused.err);
    assert.ok(refused.err.includes(`add --token-host ${server}\n`), refused.err);
    for (
      const [env, ...flags] of [[{}, "--token-host", server], [{ PULLAMA_TOKEN_HOSTS: server }]]
    ) {
      const ended = await run(env as Record<string, string>, ...flags as string[]);
      assert.deepEqual([ended.code, ended.err], [0, ""]);
    }
  },
);
