import assert from "node:assert/strict";
import { RegistrySource } from "../../../src/registry/source.ts";
import { certificate } from "../../fakes/certificate.ts";
import { redirect } from "../../fakes/faults.ts";
import type { Registry } from "../../fakes/registry.ts";
import { demandBasic, demandTokens } from "../../fakes/token_server.ts";
import { fileWith, KEY, PUBLIC } from "../../registry/auth/keys.ts";
import { TLS } from "../../registry/auth/world.ts";
import { MIB } from "../world.ts";
import { blobsAsked, mirroredWorld, tiny, warnings } from "./world.ts";

/** What was sent to a server to say who asks. */
function told({ requests }: Registry): string[] {
  return requests.flatMap(({ headers, query }) =>
    ["authorization", "cookie", "proxy-authorization"].flatMap((name) => headers.get(name) ?? [])
      .concat(query.get("nonce") ?? [])
  );
}

const CA = { caCerts: [certificate] };

Deno.test("a mirror gets neither the token of the registry nor a signature, whatever it asks for", async () => {
  await using key = await fileWith(KEY);
  await using place = await mirroredWorld(1, TLS, TLS);
  const model = place.everywhere(tiny(2 * MIB));
  const [mirror] = place.mirrors;
  const tokens = demandTokens(place.registry, { keys: [PUBLIC] });
  demandTokens(mirror!, { keys: [PUBLIC], realm: `${place.registry.url}/token` });
  const identity = { keyFile: key.path };
  using registry = new RegistrySource({ userAgent: "test", identity, ...CA });
  await place.mirrored(model.name, { registry, identity, common: CA });
  place.assertInstalled(model);
  assert.ok(blobsAsked(mirror!) > 0);
  assert.ok(tokens.tokens.length > 0);
  assert.deepEqual(told(mirror!), []);
});

Deno.test("a mirror that sends its own requests for tokens gets no signature", async () => {
  await using key = await fileWith(KEY);
  await using place = await mirroredWorld(1, {}, TLS);
  const model = place.everywhere(tiny(2 * MIB));
  const [mirror] = place.mirrors;
  const { asked } = demandTokens(mirror!, { keys: [PUBLIC] });
  const pull = await place.mirrored(model.name, { identity: { keyFile: key.path }, common: CA });
  place.assertInstalled(model);
  assert.equal(asked.length, 0);
  assert.deepEqual(told(mirror!), []);
  assert.match(warnings(pull)[0]!, /is left aside: .*user name and password required/);
});

Deno.test("a mirror gets the login for its own host, and no other one", async () => {
  await using place = await mirroredWorld(2);
  const model = place.everywhere(tiny(2 * MIB));
  const [other, mirror] = place.mirrors;
  demandBasic(other!, "someone:else");
  demandBasic(mirror!, "user:s3cret");
  const auth = btoa("user:s3cret");
  await using docker = await fileWith(JSON.stringify({
    auths: { [mirror!.host]: { auth }, [place.registry.host]: { auth: btoa("r:of-registry") } },
  }));
  await place.mirrored(model.name, { identity: { dockerConfig: docker.path } });
  place.assertInstalled(model);
  assert.deepEqual(new Set(told(mirror!)), new Set([`Basic ${auth}`]));
  assert.deepEqual(told(other!), []);
  assert.deepEqual(told(place.registry), []);
  assert.equal(blobsAsked(place.registry), 0);
});

Deno.test("a mirror that sets cookies and redirects to the registry learns and tells nothing", async () => {
  await using place = await mirroredWorld(1);
  const model = place.everywhere(tiny(2 * MIB));
  const [mirror] = place.mirrors;
  mirror!.faults.blob = ({ path }) => {
    const { headers, ...rest } = redirect(
      `${place.registry.url}/v2/library/tiny/blobs/${path.split("/").at(-1)}`,
    );
    return { ...rest, headers: { ...headers, "set-cookie": "id=1; Path=/" } };
  };
  await place.mirrored(model.name);
  place.assertInstalled(model);
  assert.deepEqual([...told(mirror!), ...told(place.registry)], []);
});
