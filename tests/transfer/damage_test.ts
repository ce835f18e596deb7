import assert from "node:assert/strict";
import { subtract } from "../../src/core/ranges.ts";
import { held, noise } from "../fakes/content.ts";
import { makeModel } from "../fakes/model.ts";
import { chunkList, withList } from "./chunk_lists.ts";
import { count, MIB, world } from "./world.ts";

const CHUNK = 4 * MIB;

for (const connections of [1, 4]) {
  Deno.test(`case 60: a wrong chunk is fetched again alone by ${connections} connections`, async () => {
    await using place = await world();
    const model = place.tiny(20 * MIB);
    const { digest, size } = model.weights;
    const wrong = 9 * MIB;
    let flips = 1;
    place.registry.faults.data = ({ path, range }) => {
      const hit = path.endsWith(digest) && range && range.start > 0 && range.start <= wrong &&
        wrong < range.end;
      return hit && flips-- > 0 ? { flipAt: wrong } : undefined;
    };
    const list = chunkList(makeModel({ size: 20 * MIB }).weights, CHUNK);
    const pull = await place.pull(model.name, {
      settings: { connections },
      source: withList(list),
    });
    place.assertInstalled(model);
    const lost = pull.events.filter((event) => event.event === "bytes_lost");
    assert.equal(lost.length, 1);
    assert.equal(lost[0]!.event === "bytes_lost" && lost[0]!.count, CHUNK);
    const asked = place.registry.requests.filter(({ path }) => path.endsWith(digest))
      .map(({ range, sent }) => `${range?.start}-${range?.end}: ${sent}`);
    assert.equal(place.registry.served(digest), size + CHUNK, asked.join(", "));
  });
}

for (const [what, size] of [["large", 6 * MIB], ["small", 700_000]] as const) {
  Deno.test(`case 61: a ${what} blob that is always wrong is fetched 3 times, then given up`, async () => {
    await using place = await world();
    const model = place.tiny(size);
    const { digest } = model.weights;
    place.registry.faults.data = ({ path }) => path.endsWith(digest) ? { flipAt: 1000 } : undefined;
    const { error, clock } = await place.fail(model.name);
    assert.equal(error.kind, "digest");
    const right = place.registry.requests.length;
    assert.ok(right > 0);
    assert.ok(error.message.includes(digest), error.message);
    assert.equal(error.message.match(/sha256:[0-9a-f]{64}/g)!.length, 2);
    assert.equal(place.registry.served(digest), 3 * model.weights.size);
    assert.ok(!place.tree().some((path) => path.startsWith("manifests/")));
    assert.throws(() => Deno.statSync(place.blob(digest)), Deno.errors.NotFound);
    assert.throws(() => Deno.statSync(place.blob(digest, "ready")), Deno.errors.NotFound);
    assert.ok(clock.waits.length < 10);

    delete place.registry.faults.data;
    await place.pull(model.name);
    place.assertInstalled(model);
  });
}

Deno.test("case 98: a stored blob with the right size and wrong content is set aside and fetched", async () => {
  await using place = await world();
  const model = place.tiny(3 * MIB);
  const path = place.blob(model.weights.digest);
  await Deno.mkdir(`${place.models}/blobs`, { recursive: true });
  await Deno.writeFile(path, new Uint8Array(model.weights.size));
  const small = model.layers[1]!;
  await Deno.writeFile(place.blob(small.digest), new Uint8Array(small.size));
  const inBad = () => place.tree().filter((path) => /^\.pullm\/bad\/./.test(path)).length;
  let most = 0;
  await place.pull(model.name, { onEvent: () => most = Math.max(most, inBad()) });
  place.assertInstalled(model);
  assert.equal(most, 2);
  assert.equal(inBad(), 0, "of no use once the model is complete");
});

Deno.test("case 98: a stored blob that nobody remembers is hashed and not fetched", async () => {
  await using place = await world();
  const model = place.tiny(3 * MIB);
  await place.pull(model.name);
  await Deno.remove(`${place.models}/.pullm`, { recursive: true });
  await Deno.remove(`${place.models}/manifests`, { recursive: true });
  const asked = place.registry.requests.length;
  const pull = await place.pull(model.name);
  place.assertInstalled(model);
  assert.ok(count(pull, "verifying") > 0);
  assert.ok(
    place.registry.requests.slice(asked).every(({ path }) => path.includes("/manifests/")),
  );
});

Deno.test("case 34: a digest that is named twice is fetched, verified and counted once", async () => {
  await using place = await world();
  const twice = { mediaType: "application/vnd.ollama.image.model", content: noise(3 * MIB, 7) };
  const model = place.registry.add("library/twice:latest", {
    config: { ...twice, mediaType: "application/vnd.docker.container.image.v1+json" },
    layers: [twice, { ...twice, mediaType: "application/vnd.ollama.image.projector" }],
  });
  const pull = await place.pull(model.name);
  place.assertInstalled(model);
  assert.equal((await pull.result)!.blobs, 1);
  assert.equal((await pull.result)!.size, 3 * MIB);
  assert.equal(count(pull, "blob_verified"), 1);
  assert.equal(place.registry.served(model.layers[0]!.digest), 3 * MIB);
});

Deno.test("case 35: a blob of no bytes is stored without a request", async () => {
  await using place = await world();
  const model = place.registry.add("library/empty:latest", {
    layers: [
      { mediaType: "application/vnd.ollama.image.license", content: "" },
      { mediaType: "application/vnd.ollama.image.template", content: "{{ .Prompt }}" },
    ],
  });
  await place.pull(model.name);
  place.assertInstalled(model);
  assert.ok(!place.registry.requests.some(({ path }) => path.endsWith(model.layers[0]!.digest)));
});

Deno.test("case 36: 2,000 small layers are each fetched once", async () => {
  await using place = await world();
  const block = noise(2000 * 4096, 3);
  const layers = Array.from({ length: 2000 }, (_, k) => ({
    mediaType: "application/vnd.ollama.image.tensor",
    content: held(block.read(k * 4096, 4096)),
    name: `t.${k}`,
  }));
  const model = place.registry.add("library/many:latest", { layers });
  const pull = await place.pull(model.name);
  place.assertInstalled(model);
  const blobs = place.registry.requests.filter(({ path }) => path.includes("/blobs/"));
  assert.equal(blobs.length, 2000);
  assert.equal(count(pull, "blob_verified"), 2000);
  assert.ok(place.registry.connections <= 5, `${place.registry.connections} connections`);
});

Deno.test("case 36: of many layers that are not small only some are open at a time: each takes several open files", async () => {
  await using place = await world({ bytesPerSecond: 60 * MIB });
  const size = MIB + 4096;
  const block = noise(80 * size, 5);
  const layers = Array.from({ length: 80 }, (_, k) => ({
    mediaType: "application/vnd.ollama.image.tensor",
    content: held(block.read(k * size, size)),
    name: `t.${k}`,
  }));
  const model = place.registry.add("library/many:latest", { layers });
  let open = 0;
  let most = 0;
  await place.pull(model.name, {
    onEvent({ event }) {
      if (event === "blob_start") most = Math.max(most, ++open);
      if (event === "blob_verified") open--;
    },
  });
  place.assertInstalled(model);
  assert.ok(most > 1 && most <= 32, `${most} were open`);
});

Deno.test("case 90: a blob that vanishes before the manifest is written is fetched again", async () => {
  await using place = await world();
  const model = place.tiny(3 * MIB);
  const { digest, size } = model.weights;
  let removals = 1;
  const pull = await place.pull(model.name, {
    onEvent: (event) => {
      if (event.event !== "blob_verified" || event.blob.digest !== digest || removals-- <= 0) {
        return;
      }
      Deno.removeSync(place.blob(digest, "ready"));
    },
  });
  place.assertInstalled(model);
  assert.equal(place.registry.served(digest), 2 * size);
  assert.equal(count(pull, "bytes_lost"), 1);
});

Deno.test("case 90: a blob that vanishes each time ends the pull with a sentence", async () => {
  await using place = await world();
  const model = place.tiny(2 * MIB);
  const { digest } = model.weights;
  const { error } = await place.fail(model.name, {
    onEvent: (event) => {
      if (event.event !== "blob_verified" || event.blob.digest !== digest) return;
      Deno.removeSync(place.blob(digest, "ready"));
    },
  });
  assert.equal(error.kind, "local");
  assert.match(error.message, /removed/);
  assert.ok(!place.tree().some((path) => path.startsWith("manifests/")));
});

Deno.test("case 86: a checkpoint whose partial is shorter counts only the bytes that are there", async () => {
  await using place = await world({ bytesPerSecond: 60 * MIB });
  const model = place.tiny(16 * MIB);
  const { digest, size } = model.weights;
  await place.fail(model.name, {
    settings: { connections: 1 },
    onEvent: (event, pull) => {
      if (place.registry.served(digest) > size / 2 && event.event === "bytes") pull.stop();
    },
  });
  const partial = place.tree().find((path) => path.endsWith(".partial"))!;
  await Deno.truncate(`${place.models}/${partial}`, 3 * MIB);
  const pull = await place.pull(model.name, { settings: { connections: 1 } });
  place.assertInstalled(model);
  const start = pull.events.find((event) =>
    event.event === "chunk_start" && event.digest === digest
  );
  assert.ok(start?.event === "chunk_start");
  assert.ok(subtract([{ start: 0, end: 3 * MIB }], [start.range]).length === 1);
});
