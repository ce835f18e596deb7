import assert from "node:assert/strict";
import { closeAfter } from "../../fakes/faults.ts";
import { chunkList } from "../chunk_lists.ts";
import { MIB } from "../world.ts";
import { mirroredWorld, tiny, warnings } from "./world.ts";

const CHUNK = 4 * MIB;
const ONE = { settings: { connections: 1 } };

Deno.test("a mirror that lies about a small blob is named and left", async () => {
  await using place = await mirroredWorld(4);
  const model = place.everywhere(tiny(600_000));
  const { digest } = model.weights;
  for (const mirror of place.mirrors) {
    mirror.faults.data = ({ path }) => path.endsWith(digest) ? { flipAt: 5 } : undefined;
  }
  const pull = await place.mirrored(model.name, ONE);
  place.assertInstalled(model);
  const lied = warnings(pull).filter((one) => one.includes("sent wrong bytes"));
  const [first] = place.mirrors;
  assert.equal(lied[0], `the mirror ${first!.url} sent wrong bytes for ${digest}`);
  assert.equal(place.registry.served(digest), model.weights.size);
});

Deno.test("a wrong chunk from a mirror is fetched alone, from the registry", async () => {
  await using place = await mirroredWorld(1);
  const files = tiny(20 * MIB);
  const model = place.everywhere(files);
  const { digest, size } = model.weights;
  const [mirror] = place.mirrors;
  mirror!.faults.data = ({ path }) => path.endsWith(digest) ? { flipAt: 18 * MIB } : undefined;
  const list = chunkList(files.weights, CHUNK);
  const pull = await place.mirrored(model.name, { ...ONE, list });
  place.assertInstalled(model);
  assert.deepEqual(warnings(pull), [
    `the mirror ${mirror!.url} sent wrong bytes for ${digest}`,
  ]);
  // What was on its way when the mirror was left is sent for nothing.
  assert.ok(mirror!.served(digest) + place.registry.served(digest) <= size + 2 * CHUNK);
});

Deno.test("without chunk digests only what the mirror has sent is compared, then the blob is right", async () => {
  await using place = await mirroredWorld(1);
  const model = place.everywhere(tiny(20 * MIB));
  const { digest, size } = model.weights;
  const [mirror] = place.mirrors;
  // The first 8 MiB come from the mirror, with a wrong byte; then it is gone.
  mirror!.faults.data = ({ path }, n) =>
    !path.endsWith(digest)
      ? undefined
      : n <= 2
      ? { flipAt: 5 * MIB }
      : { ...closeAfter(0), hangUp: "close" };
  const pull = await place.mirrored(model.name, ONE);
  place.assertInstalled(model);
  assert.ok(warnings(pull).includes(`the mirror ${mirror!.url} sent wrong bytes for ${digest}`));
  const again = mirror!.served(digest) + place.registry.served(digest) - size;
  assert.ok(again <= mirror!.served(digest), String(again));
});

for (const liar of [0, 1]) {
  Deno.test(`of two mirrors that have sent a wrong blob the one that sent less is suspected first; mirror ${liar} lies`, async () => {
    await using place = await mirroredWorld(2);
    const model = place.everywhere(tiny(20 * MIB));
    const { digest } = model.weights;
    const [a, b] = place.mirrors;
    const isWeights = ({ path }: { readonly path: string }) => path.endsWith(digest);
    // The first one breaks off after 15 of 20 MiB.
    a!.faults.data = (request, n) =>
      isWeights(request) && n === 1
        ? { ...closeAfter(15 * MIB), ...(liar === 0 && { flipAt: 5 * MIB }) }
        : undefined;
    b!.faults.data = (request) =>
      isWeights(request) && liar === 1 ? { flipAt: 18 * MIB } : undefined;
    await place.mirrored(model.name, ONE);
    place.assertInstalled(model);
    // What the larger part came from is asked of the registry only where it has lied.
    const fromRegistry = place.registry.served(digest);
    assert.ok(liar === 0 || fromRegistry <= 6 * MIB, String(fromRegistry));
  });
}

for (const list of [true, false]) {
  Deno.test(`a mirror of nothing but garbage ends right, ${list ? "with" : "without"} chunk digests`, async () => {
    await using place = await mirroredWorld(2);
    const files = tiny(40 * MIB);
    const model = place.everywhere(files);
    const { digest, size } = model.weights;
    const [liar] = place.mirrors;
    liar!.faults.data = ({ path, range }) =>
      path.endsWith(digest) && range ? { flipAt: range.start + 7 } : undefined;
    const pull = await place.mirrored(model.name, {
      settings: { connections: 4 },
      ...(list && { list: chunkList(files.weights, CHUNK) }),
    });
    place.assertInstalled(model);
    assert.ok(warnings(pull).includes(`the mirror ${liar!.url} sent wrong bytes for ${digest}`));
    const { fetched } = (await pull.result)!;
    assert.ok(fetched <= 2.2 * size, String(fetched));
  });
}

Deno.test("offline, the next mirror puts right what the first has sent wrong", async () => {
  await using place = await mirroredWorld(2);
  const model = place.everywhere(tiny(20 * MIB));
  const { digest } = model.weights;
  const [liar] = place.mirrors;
  liar!.faults.data = ({ path }) => path.endsWith(digest) ? { flipAt: 9 * MIB } : undefined;
  const pull = await place.mirrored(model.name, { ...ONE, offline: true });
  place.assertInstalled(model);
  assert.ok(warnings(pull).includes(`the mirror ${liar!.url} sent wrong bytes for ${digest}`));
  assert.deepEqual(place.registry.requests, []);
});

Deno.test("offline, a single mirror that lies fails the pull, and is named", async () => {
  await using place = await mirroredWorld(1);
  const model = place.everywhere(tiny(3 * MIB));
  const { digest } = model.weights;
  const [mirror] = place.mirrors;
  mirror!.faults.data = ({ path }) => path.endsWith(digest) ? { flipAt: 100 } : undefined;
  const { error, events } = await place.failed(model.name, { ...ONE, offline: true });
  assert.equal(error.kind, "digest");
  assert.ok(
    warnings({ events }).includes(`the mirror ${mirror!.url} sent wrong bytes for ${digest}`),
  );
});
