import assert from "node:assert/strict";
import { demandBasic } from "../../fakes/token_server.ts";
import { authWorld } from "./world.ts";
import { fileWith } from "./keys.ts";

const PASSWORD = "secret-7391";

Deno.test("a login that Docker stores without encoding it is used", async () => {
  await using file = await fileWith("");
  await using w = await authWorld({ source: { identity: { dockerConfig: file.path } } });
  const auths = { [w.registry.host]: { username: "me", password: PASSWORD } };
  await Deno.writeTextFile(file.path, JSON.stringify({ auths }));
  demandBasic(w.registry, `me:${PASSWORD}`);
  await w.manifest();
  assert.deepEqual(w.asked(), ["manifests", "manifests Basic"]);
});

Deno.test("a login in a credential helper is refused with a hint that helps, unlike docker login", async () => {
  await using file = await fileWith(JSON.stringify({ credsStore: "desktop", auths: {} }));
  await using w = await authWorld({ source: { identity: { dockerConfig: file.path } } });
  demandBasic(w.registry, `me:${PASSWORD}`);
  const { message, hint } = await w.refused();
  assert.ok(message.includes(`${file.path} uses the credential helper "desktop"`), message);
  assert.match(hint!, /PULLAMA_REGISTRY_USER and PULLAMA_REGISTRY_PASSWORD/);
  assert.doesNotMatch(hint!, /docker login/);
});
