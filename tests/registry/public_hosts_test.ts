/** Logins at hosts of the internet, which are not contacted: what would be sent to them. */

import assert from "node:assert/strict";
import { AuthorizedHttp } from "../../src/registry/auth/auth.ts";
import type { GetOptions, Http } from "../../src/registry/http/http.ts";
import type { RedirectingHttp } from "../../src/registry/http/redirects.ts";
import type { Identity } from "../../src/registry/auth/credential.ts";
import { Secrets } from "../../src/registry/auth/redact.ts";
import { fileWith, KEY, PUBLIC } from "./auth/keys.ts";
import { failureOf, never } from "./world.ts";

interface Net {
  /** The requests, with their Authorization. */
  readonly sent: (readonly [url: string, authorization: string | undefined])[];
  get(from: string): Promise<number>;
}

/** A network whose token servers issue the token `t` to every client; `respond` does the rest. */
function net(
  identity: Identity,
  respond: (
    url: URL,
    authorization: string | undefined,
  ) => [status: number, challenge?: string] | URL,
): Net {
  const sent: Net["sent"] = [];
  const http = {
    get(url: URL, { headers }: GetOptions) {
      sent.push([`${url.origin}${url.pathname}`, headers?.["authorization"]]);
      return Promise.resolve(Response.json({ token: "t" }));
    },
    forwarderOf: () => undefined,
  };
  const lookup = (host: string) =>
    Promise.resolve([host === "inside.example" ? "10.0.0.1" : "1.1.1.1"]);
  const following: Pick<RedirectingHttp, "send"> = {
    send(start, { registry, authorization }) {
      let url = start;
      for (;;) {
        const shown = url.origin === registry ? authorization : undefined;
        sent.push([url.href, shown]);
        const result = respond(url, shown);
        if (result instanceof URL) {
          url = result;
          continue;
        }
        const [status, challenge] = result;
        const headers = challenge === undefined ? {} : { "www-authenticate": challenge };
        return Promise.resolve({ response: new Response(null, { status, headers }), url });
      }
    },
  };
  const auth = new AuthorizedHttp(following, {
    http: http as unknown as Http,
    secrets: new Secrets(),
    identity,
    lookup,
    now: Date.now,
    onWarning: () => {},
  });
  return {
    sent,
    async get(from) {
      const { response } = await auth.send({
        repository: "a/b",
        from: new URL(from),
        home: new URL(from).origin,
        headers: {},
        signal: never(),
      });
      return response.status;
    },
  };
}

const HUB = 'Bearer realm="https://huggingface.co/token",service="s"';

Deno.test("case 76: a challenge of hf.co with a realm at huggingface.co is answered with a signature", async () => {
  await using key = await fileWith(KEY);
  const hub = net({ keyFile: key.path }, (_, shown) => shown === "Bearer t" ? [200] : [401, HUB]);
  assert.equal(await hub.get("https://hf.co/v2/a/b/manifests/c"), 200);
  assert.deepEqual(hub.sent.map(([url]) => url), [
    "https://hf.co/v2/a/b/manifests/c",
    "https://huggingface.co/token",
    "https://hf.co/v2/a/b/manifests/c",
  ]);
  assert.ok(hub.sent[1]![1]!.startsWith(`${PUBLIC}:`));
});

Deno.test("case 76: if hf.co redirects to huggingface.co, the latter gets the token", async () => {
  await using key = await fileWith(KEY);
  const hub = net({ keyFile: key.path }, (url, shown) => {
    if (url.host === "hf.co") return new URL(url.pathname, "https://huggingface.co");
    return shown === "Bearer t" ? [200] : [401, HUB];
  });
  for (let k = 0; k < 2; k++) assert.equal(await hub.get("https://hf.co/v2/a/b/manifests/c"), 200);
  const tokens = hub.sent.filter(([url]) => url === "https://huggingface.co/token");
  assert.equal(tokens.length, 1);
  assert.ok(hub.sent.filter(([url]) => new URL(url).host === "hf.co").every(([_, a]) => !a));
});

Deno.test("over plain http no realm gets a signature: anyone in between may have named it", async () => {
  await using key = await fileWith(KEY);
  const challenges = [
    'Bearer realm="https://ollama.com/token",service="s",scope="repository:a/private:pull"',
    'Bearer realm="https://registry.ollama.ai/token"',
    'Bearer realm="http://registry.ollama.ai/token"',
  ];
  for (const challenge of challenges) {
    const world = net({ keyFile: key.path }, () => [401, challenge]);
    const error = await failureOf(world.get("http://registry.ollama.ai/v2/a/b/manifests/c"));
    assert.equal(error.kind, "auth");
    assert.deepEqual(world.sent.filter(([_, shown]) => shown && shown !== "Bearer t"), []);
  }
  const same = net({ keyFile: key.path }, () => [401, challenges[2]!]);
  const { message, hint } = await failureOf(
    same.get("http://registry.ollama.ai/v2/a/b/manifests/c"),
  );
  assert.match(message, /credentials are not sent over plain http$/);
  assert.equal(hint, "use https, without --insecure");
});

Deno.test("a 401 of an unrelated host is not a challenge", async () => {
  const store = net(
    {},
    (url) => url.host === "hf.co" ? new URL("https://cdn.example/x") : [401, HUB],
  );
  assert.equal(await store.get("https://hf.co/v2/a/b/blobs/c"), 401);
  assert.equal(store.sent.length, 2);
});

Deno.test("a public registry cannot have its token server in a private network", async () => {
  for (const host of ["192.168.0.1", "127.0.0.1:8080", "[::1]", "inside.example", "localhost"]) {
    const world = net({}, () => [401, `Bearer realm="https://${host}/reboot"`]);
    const error = await failureOf(world.get("https://registry.example/v2/a/b/manifests/c"));
    assert.match(
      error.message,
      /the token server has a (loopback|private network) address \(.*\)$/,
    );
    assert.equal(world.sent.length, 1);
  }
});

Deno.test("case 79: passwords are not sent over plain http to another machine", async () => {
  const login = { host: "10.0.0.1:5000", user: "me", password: "secret-7391" };
  for (const challenge of ["Basic realm=x", 'Bearer realm="http://10.0.0.1:5000/token"']) {
    const lan = net({ login }, () => [401, challenge]);
    const error = await failureOf(lan.get("http://10.0.0.1:5000/v2/a/b/manifests/c"));
    assert.equal(error.kind, "auth");
    assert.match(error.message, /credentials are not sent over plain http$/);
    assert.ok(lan.sent.every(([_, authorization]) => authorization?.startsWith("Basic") !== true));
  }
  const safe = net(
    { login: { ...login, host: "r.example" } },
    (_, shown) => shown?.startsWith("Basic ") ? [200] : [401, "Basic realm=x"],
  );
  assert.equal(await safe.get("https://r.example/v2/a/b/manifests/c"), 200);
});

Deno.test("the error for a rejected key says where to add it", async () => {
  await using key = await fileWith(KEY);
  const pages = [
    ["registry.ollama.ai", "https://ollama.com/settings/keys"],
    ["hf.co", "https://huggingface.co/settings/keys"],
    ["r.example", "the registry's operator"],
  ] as const;
  for (const [host, page] of pages) {
    const world = net({ keyFile: key.path }, () => [401, `Bearer realm="https://${host}/token"`]);
    const { message, hint } = await failureOf(world.get(`https://${host}/v2/a/b/manifests/c`));
    assert.ok(message.includes(key.path) && hint!.includes(page), `${message} ${hint}`);
  }
});
