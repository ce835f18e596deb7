import assert from "node:assert/strict";
import { noise } from "../../fakes/content.ts";
import { closeAfter, htmlPage, redirect, registryError, resetAfter } from "../../fakes/faults.ts";
import type { Fault } from "../../fakes/faults.ts";
import { count, MIB } from "../world.ts";
import { blobsAsked, mirroredWorld, tiny, warnings } from "./world.ts";

const ONE = { settings: { connections: 1, maxRetries: 0 } };

Deno.test("a blob comes from the first mirror that has it, and the summary says so", async () => {
  await using place = await mirroredWorld(2);
  const model = place.everywhere(tiny(6 * MIB));
  const pull = await place.mirrored(model.name);
  place.assertInstalled(model);
  assert.equal(blobsAsked(place.registry) + blobsAsked(place.mirrors[1]!), 0);
  const { fetched, fetchedFrom } = (await pull.result)!;
  assert.deepEqual(fetchedFrom, { [place.mirrors[0]!.url]: fetched });
  const [asked] = place.mirrors[0]!.requests;
  assert.match(asked!.path, /^\/v2\/127\.[\d._]+\/library\/tiny\/blobs\/sha256:/);
  assert.equal(asked!.query.get("ns"), place.registry.host);
  assert.deepEqual(warnings(pull), []);
});

Deno.test("what a mirror lacks comes from the next one, and the rest from the mirror", async () => {
  await using place = await mirroredWorld(2);
  const model = place.everywhere(tiny(3 * MIB));
  const { digest, size } = model.weights;
  place.mirrors[0]!.faults.blob = ({ path }) =>
    path.endsWith(digest) ? registryError(404, "BLOB_UNKNOWN", "blob unknown") : undefined;
  const pull = await place.mirrored(model.name, ONE);
  place.assertInstalled(model);
  assert.equal(place.mirrors[1]!.served(digest), size);
  assert.equal(blobsAsked(place.mirrors[1]!), 1);
  assert.equal(blobsAsked(place.registry), 0);
  assert.deepEqual(warnings(pull), []);
  assert.equal(count(pull, "retry"), 0);
});

for (const how of [closeAfter, resetAfter]) {
  for (const size of [6 * MIB, 600_000]) {
    Deno.test(`a mirror that dies (${how.name}) after a part of ${size} bytes costs no byte and no retry`, async () => {
      await using place = await mirroredWorld(1);
      const model = place.everywhere(tiny(size));
      const { digest } = model.weights;
      const part = Math.floor(size / 3);
      place.mirrors[0]!.faults.data = ({ path }) => path.endsWith(digest) ? how(part) : undefined;
      const pull = await place.mirrored(model.name, ONE);
      place.assertInstalled(model);
      const sum = place.mirrors[0]!.served(digest) + place.registry.served(digest);
      assert.equal(sum, model.weights.size);
      assert.ok(place.mirrors[0]!.served(digest) >= part);
      assert.equal(count(pull, "retry"), 0);
      assert.equal(warnings(pull).length, 1);
      assert.match(warnings(pull)[0]!, /^the mirror http:\S+ is left aside: /);
    });
  }
}

const USELESS: Readonly<Record<string, (place: { readonly url: string }) => Fault>> = {
  "an error of the server": () => registryError(503, "UNAVAILABLE", "busy"),
  "too many requests": () => ({ status: 429, headers: { "retry-after": "5000" } }),
  "a web page": () => htmlPage(),
  "a demand for a login": () => ({
    status: 401,
    headers: { "www-authenticate": 'Bearer realm="https://127.0.0.1:4/token",service="x"' },
  }),
  "a refusal": () => registryError(403, "DENIED", "denied"),
  "a redirect to a metadata service": () => redirect("http://169.254.169.254/latest"),
  "a redirect to itself": ({ url }) => redirect(`${url}/v2/x/blobs/y`),
  "wrong lengths": () => ({ headers: { "content-length": "5", "content-range": undefined } }),
  "a compressed body": () => ({ gzip: true }),
  "a closed connection": () => ({ hangUp: "close" }),
};

for (const [what, fault] of Object.entries(USELESS)) {
  Deno.test(`a mirror with ${what} for every blob is asked a few times, not for each blob`, async () => {
    await using place = await mirroredWorld(1);
    const mediaType = "application/vnd.ollama.image.tensor";
    const layers = Array.from({ length: 60 }, (_, k) => ({
      mediaType,
      name: `t${k}`,
      content: noise(1000 + k, k),
    }));
    const { config } = tiny(1000);
    const model = place.everywhere({ layers, config });
    const [mirror] = place.mirrors;
    mirror!.faults.blob = () => fault(mirror!);
    const pull = await place.mirrored(model.name, ONE);
    place.assertInstalled(model);
    assert.ok(blobsAsked(mirror!) <= 4, String(blobsAsked(mirror!)));
    assert.equal(warnings(pull).length, 1);
    assert.equal(count(pull, "retry"), 0);
  });
}

Deno.test("a mirror that refuses connections costs no retry", async () => {
  await using place = await mirroredWorld(1);
  const model = place.everywhere(tiny(3 * MIB));
  await place.mirrors[0]!.close();
  const pull = await place.mirrored(model.name, ONE);
  place.assertInstalled(model);
  assert.equal(count(pull, "retry"), 0);
  assert.equal(warnings(pull).length, 1);
});

Deno.test("a mirror that accepts connections and says nothing is left after one timeout", async () => {
  await using place = await mirroredWorld(0);
  const mediaType = "application/vnd.ollama.image.tensor";
  const layers = Array.from({ length: 500 }, (_, k) => ({
    mediaType,
    name: `t${k}`,
    content: noise(1000 + k, k),
  }));
  const model = place.everywhere({ layers, config: tiny(1000).config });
  using hole = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const held: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const connection of hole) held.push(connection);
  })().catch(() => {});
  const urls = [`http://127.0.0.1:${hole.addr.port}`];
  const pull = await place.mirrored(model.name, { urls, settings: { maxRetries: 0 } });
  place.assertInstalled(model);
  assert.ok(held.length <= 4, String(held.length));
  assert.equal(warnings(pull).length, 1);
  assert.match(warnings(pull)[0]!, /no response from .* within 5s/);
  hole.close();
  await accepting;
  for (const connection of held) connection.close();
});

Deno.test("a mirror that stalls in the middle is left by the stall rule, at the same byte", async () => {
  await using place = await mirroredWorld(1);
  const model = place.everywhere(tiny(3 * MIB));
  const { digest, size } = model.weights;
  place.mirrors[0]!.faults.data = ({ path }) =>
    path.endsWith(digest) ? { end: { after: MIB, how: "stall" } } : undefined;
  const silence = { alone: 400, besideOthers: 400 };
  const pull = await place.mirrored(model.name, { ...ONE, silence });
  place.assertInstalled(model);
  assert.equal(count(pull, "stall"), 1);
  assert.equal(count(pull, "retry"), 0);
  assert.equal(place.registry.served(digest), size - MIB);
});

Deno.test("what a mirror begins and a registry without ranges ends is right", async () => {
  await using place = await mirroredWorld(1);
  const model = place.everywhere(tiny(5 * MIB));
  const { digest } = model.weights;
  place.mirrors[0]!.faults.data = ({ path }) => path.endsWith(digest) ? closeAfter(MIB) : undefined;
  place.registry.faults.data = () => ({ ignoreRange: true });
  await place.mirrored(model.name, { settings: { connections: 4 } });
  place.assertInstalled(model);
});

Deno.test("what a mirror without ranges begins is ended by a registry with ranges", async () => {
  await using place = await mirroredWorld(1);
  const model = place.everywhere(tiny(9 * MIB));
  const { digest, size } = model.weights;
  place.mirrors[0]!.faults.data = ({ path }) =>
    path.endsWith(digest) ? { ignoreRange: true, ...closeAfter(3 * MIB) } : undefined;
  const pull = await place.mirrored(model.name, { settings: { connections: 4 } });
  place.assertInstalled(model);
  const { fetched } = (await pull.result)!;
  assert.ok(fetched <= size + 600_000, String(fetched));
  assert.equal(count(pull, "retry"), 0);
});
