import assert from "node:assert/strict";
import { PullamaError } from "../../src/core/errors.ts";
import { certificate, certificateKey } from "../fakes/certificate.ts";
import { makeModel } from "../fakes/model.ts";
import { demandPushTokens } from "../fakes/push_tokens.ts";
import { startUploadRegistry, type UploadFault } from "../fakes/upload_registry.ts";
import { install } from "../store/installed_models.ts";
import { type Pushed, type PushWorld, pushWorld, SIZE } from "./world.ts";

const LOGIN = { user: "me", password: "pa55w0rd" };
const TLS = { tls: { cert: certificate, key: certificateKey } };

/** The options of a target that has the login for its host. */
function withLogin({ registry }: PushWorld) {
  const identity = { login: { host: registry.host, ...LOGIN } };
  return { target: { identity, caCerts: [certificate] } };
}

Deno.test("a push asks for tokens to pull and push its own repository, and to pull from where it mounts", async () => {
  await using w = await pushWorld();
  install(w.models, "twin/latest", makeModel({ size: SIZE, seed: 1 }));
  const auth = demandPushTokens(w.registry, { login: "me:pa55w0rd" });
  const [first, second] = await w.run(["tiny", "twin"], withLogin(w));
  assert.deepEqual([first?.error, second?.error], [undefined, undefined]);
  assert.ok(second!.summary!.mounted > SIZE);
  assert.deepEqual(auth.asked.map(({ query }) => query.getAll("scope")), [
    ["repository:library/tiny:pull,push"],
    ["repository:library/twin:pull,push"],
    ["repository:library/twin:pull,push", "repository:library/tiny:pull"],
  ]);
});

Deno.test("a token that expires in the middle of an upload is renewed, and the upload continues", async () => {
  await using w = await pushWorld();
  const auth = demandPushTokens(w.registry, { login: "me:pa55w0rd" });
  let expired = false;
  w.registry.fault = ((guard) => (request, n) => {
    if (request.method === "PATCH" && n === 3 && !expired) {
      expired = true;
      auth.expireAll();
    }
    return guard?.(request, n);
  })(w.registry.fault);
  const { error, events } = await w.push(withLogin(w));
  assert.equal(error, undefined);
  assert.equal(auth.asked.length, 2);
  assert.deepEqual(events.filter(({ event }) => event === "retry"), []);
});

const EXCESSIVE = [
  "repository:library/other:pull,push",
  "repository:library/tiny:pull,push,delete",
  "repository:library/tiny:*",
  "registry:catalog:*",
  "repository:library/tiny:pull,push repository:library/other:pull",
];

for (const scope of EXCESSIVE) {
  Deno.test(`A12: a challenge that asks for ${scope} is refused`, async () => {
    await using w = await pushWorld();
    const auth = demandPushTokens(w.registry, { login: "me:pa55w0rd", scope: () => scope });
    const { error } = await w.push(withLogin(w));
    assert.equal(kindOf(error), "auth");
    assert.match(String(error), /asks for more than a push to library\/tiny/);
    assert.deepEqual(auth.asked, []);
    assert.ok(w.registry.requests.every(({ headers }) => !headers.has("authorization")));
  });
}

Deno.test("without a login, and with a wrong one, the error says so and shows no secret", async () => {
  await using w = await pushWorld();
  const auth = demandPushTokens(w.registry, { login: "me:other" });
  const none = await w.push();
  assert.equal(kindOf(none.error), "auth");
  assert.match((none.error as PullamaError).hint!, /docker login 127/);
  const wrong = await w.push(withLogin(w));
  assert.equal(kindOf(wrong.error), "auth");
  assert.match(String(wrong.error), /PULLAMA_REGISTRY_USER were rejected/);
  const shown = Deno.inspect([none, wrong], { depth: 9 });
  for (const secret of [LOGIN.password, btoa(`me:${LOGIN.password}`), ...auth.tokens]) {
    assert.ok(!shown.includes(secret));
  }
});

Deno.test("the URL of an upload may be absolute or relative", async () => {
  for (const absolute of [true, false]) {
    await using w = await pushWorld({
      location: (path, url) =>
        absolute ? url + path : path.replace("/v2/library/tiny/blobs/", "../"),
    });
    // A relative one begins at blobs/uploads/.
    const { error } = await w.push();
    assert.equal(error, undefined);
  }
});

Deno.test("A11: bytes and login go nowhere else over plain http", async () => {
  await using other = await startUploadRegistry();
  for (const tls of [undefined, TLS.tls]) {
    await using w = await pushWorld({ location: (path) => other.url + path, ...(tls && { tls }) });
    const { error } = await w.push(withLogin(w));
    assert.equal(kindOf(error), "redirect");
    assert.match((error as PullamaError).hint!, /X-Forwarded-Proto/);
    assert.deepEqual(other.requests, []);
  }
});

Deno.test("A11: another server over https gets the bytes, but never the login", async () => {
  await using other = await startUploadRegistry(TLS);
  await using w = await pushWorld({ ...TLS, location: (path) => other.url + path });
  demandPushTokens(w.registry, { login: "me:pa55w0rd" });
  const { error } = await w.push(withLogin(w));
  // It knows nothing of the upload.
  assert.ok(error instanceof PullamaError);
  assert.ok(other.requests.length > 0);
  assert.ok(other.requests.every(({ headers }) => !headers.has("authorization")));
});

Deno.test("a redirect of a chunk is followed where it asks for the same request, and no other", async () => {
  for (const status of [307, 308, 302, 303]) {
    await using w = await pushWorld();
    w.registry.fault = ({ method, path, query }, n) => {
      if (method !== "PATCH" || n !== 2) return undefined;
      const location = `${path}?_state=${query.get("_state")}&again`;
      return { status, headers: { location } };
    };
    const { error } = await w.push();
    if (status > 303) assert.equal(error, undefined);
    else assert.equal(kindOf(error), "redirect");
  }
});

/** A response to the beginning of an upload, or to the manifest. */
const REFUSALS: readonly (readonly [string, UploadFault, string, RegExp])[] = [
  ["POST", { status: 401 }, "auth", /requires authentication/],
  ["POST", { status: 403 }, "auth", /does not let you push blob \w+ to library\/tiny/],
  ["POST", { status: 404 }, "refused", /does not take blob \w+ \(404\).*serve/],
  ["POST", { status: 405 }, "refused", /takes no uploads \(405\).*serve/],
  ["PATCH", { status: 413 }, "refused", /of that size.*--chunk-size/],
  ["PATCH", { status: 507 }, "refused", /has no room for/],
  [
    "POST",
    { status: 403, body: '{"errors":[{"code":"DENIED","message":"exceed the storage quota"}]}' },
    "refused",
    /has no room for.*quota/,
  ],
  ["PUT", { status: 400, body: '{"errors":[{"message":"digest invalid"}]}' }, "digest", /digest/],
];

for (const [method, fault, kind, text] of REFUSALS) {
  const status = "status" in fault ? fault.status : 0;
  Deno.test(`a ${status} to ${method} is an error of kind ${kind}, with what to do`, async () => {
    await using w = await pushWorld();
    w.registry.fault = (request) => request.method === method ? fault : undefined;
    const { error } = await w.push();
    assert.equal(kindOf(error), kind);
    const { message, hint = "" } = error as PullamaError;
    assert.match(`${message} ${hint}`, text);
    assert.equal(w.registry.manifests.size, 0);
  });
}

Deno.test("a registry that does not know the type of the manifest is named, with its setting", async () => {
  await using w = await pushWorld();
  w.registry.fault = ({ method, path }) =>
    method === "PUT" && path.includes("/manifests/")
      ? { status: 415, body: '{"errors":[{"code":"MANIFEST_INVALID"}]}' }
      : undefined;
  const { error } = await w.push();
  assert.equal(kindOf(error), "refused");
  assert.match(String(error), /its type is application\/vnd\.docker/);
  assert.match((error as PullamaError).hint!, /docker2s2/);
});

Deno.test("a name with capitals is pushed in lower case, as OCI registries have all names", async () => {
  await using w = await pushWorld();
  install(w.models, "hf.co/Some/Model-GGUF/Q4_K_M", makeModel({ size: 1000 }));
  const [result] = await w.run(["hf.co/Some/Model-GGUF:Q4_K_M"]);
  assert.equal(result?.error, undefined);
  assert.ok(w.registry.manifests.get("hf.co/some/model-gguf")?.has("Q4_K_M"));
});

function kindOf(error: Pushed["error"]): string {
  return error instanceof PullamaError ? error.kind : `${error}`;
}
