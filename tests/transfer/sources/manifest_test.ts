import assert from "node:assert/strict";
import { htmlPage, redirect, registryError } from "../../fakes/faults.ts";
import { count, MIB } from "../world.ts";
import { mirroredWorld, tiny, warnings } from "./world.ts";

Deno.test("the manifest is the registry's, also where a mirror has another one", async () => {
  await using place = await mirroredWorld(1);
  place.everywhere(tiny(MIB, 1));
  const model = place.registry.add("library/tiny:latest", tiny(2 * MIB, 2));
  const pull = await place.mirrored(model.name);
  place.assertInstalled(model);
  assert.deepEqual(warnings(pull), []);
});

Deno.test("a registry that cannot be reached is said, and the manifest is stored under its name", async () => {
  await using place = await mirroredWorld(1);
  const model = place.everywhere(tiny(MIB));
  await place.registry.close();
  const pull = await place.mirrored(model.name, { settings: { maxRetries: 0 } });
  place.assertInstalled(model);
  const [mirror] = place.mirrors;
  assert.equal(
    warnings(pull)[0],
    `${place.registry.host} cannot be reached: which manifest ${model.name} has is the word of ` +
      `${mirror!.url}, received over plain http`,
  );
  const manifest = pull.events.find(({ event }) => event === "manifest");
  assert.equal(manifest?.event === "manifest" && manifest.from, mirror!.url);
});

for (
  const [what, fault] of [
    ["does not have the model", registryError(404, "MANIFEST_UNKNOWN", "manifest unknown")],
    ["wants a login", { status: 401 }],
    ["is busy", registryError(503, "UNAVAILABLE", "busy")],
  ] as const
) {
  Deno.test(`a registry that ${what} is believed, whatever a mirror has`, async () => {
    await using place = await mirroredWorld(1);
    const model = place.everywhere(tiny(MIB));
    place.registry.faults.manifest = () => fault;
    await place.failed(model.name, { settings: { maxRetries: 0 } });
    assert.deepEqual(place.mirrors[0]!.requests, []);
  });
}

Deno.test("offline nothing is asked of the registry", async () => {
  await using place = await mirroredWorld(2);
  const model = place.everywhere(tiny(3 * MIB));
  const lacks = registryError(404, "MANIFEST_UNKNOWN", "manifest unknown");
  place.mirrors[0]!.faults.manifest = () => lacks;
  const pull = await place.mirrored(model.name, { offline: true });
  place.assertInstalled(model);
  assert.deepEqual(place.registry.requests, []);
  assert.equal(place.registry.connections, 0);
  assert.match(warnings(pull)[0]!, /was not asked: .* is the word of/);
});

Deno.test("offline a mirror's redirect or token server elsewhere is not followed", async () => {
  await using place = await mirroredWorld(1);
  const model = place.everywhere(tiny(MIB));
  const [mirror] = place.mirrors;
  const elsewhere = place.registry.url;
  const path = `/v2/library/tiny/manifests/latest`;
  mirror!.faults.manifest = () => redirect(elsewhere + path);
  const settings = { maxRetries: 0 };
  const { error } = await place.failed(model.name, { offline: true, settings });
  assert.equal(error.kind, "redirect");
  assert.match(error.message, /may not be asked: it is not one of the mirrors/);
  mirror!.faults.manifest = () => ({
    status: 401,
    headers: { "www-authenticate": `Bearer realm="${elsewhere}/token",service="x"` },
  });
  await place.failed(model.name, { offline: true, settings });
  assert.equal(place.registry.connections, 0);
});

Deno.test("an installed model is not replaced on the word of a mirror, except with force", async () => {
  await using place = await mirroredWorld(1);
  const old = place.everywhere(tiny(MIB, 1));
  const model = place.registry.add("library/tiny:latest", tiny(MIB, 2));
  await place.pull(model.name);
  const offline = true;
  const { error } = await place.failed(model.name, { offline });
  assert.equal(error.kind, "moved");
  assert.ok(error.message.includes(old.digest) && error.message.includes(model.digest));
  place.assertInstalled(model);
  await place.mirrored(`${model.name}`, { offline, settings: { force: true } });
  place.assertInstalled(old);
});

Deno.test("a pinned manifest needs no trust: a mirror may have it, also in place of what is installed", async () => {
  await using place = await mirroredWorld(1);
  const pinned = place.everywhere(tiny(MIB, 1));
  place.registry.add("library/tiny:latest", tiny(MIB, 2));
  await place.pull(pinned.name);
  place.mirrors[0]!.add(`${place.repository}:latest`, tiny(MIB, 3));
  await place.registry.close();
  const pull = await place.mirrored(`${pinned.name}@${pinned.digest}`, {
    settings: { maxRetries: 0 },
  });
  place.assertInstalled(pinned);
  assert.deepEqual(warnings(pull), []);
});

for (
  const [what, fault] of Object.entries({
    "a web page": htmlPage(),
    "an endless body": {
      raw: async (write: (bytes: Uint8Array | string) => Promise<boolean>) => {
        await write("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n");
        while (await write(new Uint8Array(1 << 16).fill(0x20)));
      },
    },
    "a list of nothing": { body: "{}", status: 200 },
  })
) {
  Deno.test(`${what} of a mirror is no manifest: the next one is asked`, async () => {
    await using place = await mirroredWorld(2);
    const model = place.everywhere(tiny(MIB));
    place.mirrors[0]!.faults.manifest = () => fault;
    const pull = await place.mirrored(model.name, { offline: true });
    place.assertInstalled(model);
    assert.equal(count(pull, "retry"), 0);
  });
}
