import assert from "node:assert/strict";
import type { Store } from "../../src/core/content.ts";
import { count, MIB, onDisk, takenOver, world } from "./world.ts";

Deno.test("pullModel() stores a model, fetching each byte once", async () => {
  await using place = await world();
  const model = place.tiny(20 * MIB);
  const pull = await place.pull(model.name);
  place.assertInstalled(model);
  for (const { digest, size } of [...model.layers, model.config!]) {
    const twice = place.registry.served(digest) - size;
    assert.ok(twice >= 0 && twice <= takenOver(pull), `${twice} bytes were sent twice`);
  }
  const summary = await pull.result;
  assert.equal(summary!.digest, model.digest);
  assert.equal(summary!.blobs, 5);
  const more = summary!.fetched - summary!.size;
  assert.ok(more >= 0 && more <= takenOver(pull), `${more} bytes came twice`);
  assert.equal(count(pull, "blob_verified"), 5);
  assert.equal(count(pull, "retry"), 0);
  const bytes = pull.events.reduce((sum, e) => e.event === "bytes" ? sum + e.count : sum, 0);
  assert.equal(bytes, summary!.size);
  const left = place.tree().filter((path) => /partial|\.json$|\.live|ready\/.|tmp\/./.test(path));
  assert.deepEqual(left, [".pullm/ledger.json"]);
});

Deno.test("pullModel() of a stored model asks for the manifest and for no blob", async () => {
  await using place = await world();
  const model = place.tiny(2 * MIB);
  await place.pull(model.name);
  const asked = place.registry.requests.length;
  const again = await place.pull(model.name);
  assert.equal(count(again, "blob_cached"), 5);
  assert.deepEqual(
    place.registry.requests.slice(asked).filter(({ path }) => path.includes("/blobs/")),
    [],
  );
  assert.equal((await again.result)!.fetched, 0);
  place.assertInstalled(model);
});

for (const connections of [1, 4]) {
  Deno.test(`pullModel() with ${connections} connections goes on at the byte where it was stopped`, async () => {
    await using place = await world({ bytesPerSecond: 40 * MIB });
    const model = place.tiny(24 * MIB);
    const { digest, size } = model.weights;
    let seen = 0;
    const stopped = await place.fail(model.name, {
      settings: { connections },
      onEvent: (event, pull) => {
        if (event.event === "bytes" && event.digest === digest) seen += event.count;
        if (seen > size / 2) pull.stop();
      },
    });
    assert.equal(stopped.error.kind, "interrupted");
    const interrupted = stopped.events.at(-1)!;
    assert.ok(interrupted.event === "pull_interrupted");
    const kept = interrupted.kept - (model.layers.slice(1).reduce((sum, l) => sum + l.size, 0) +
      model.config!.size);
    assert.ok(kept >= size / 2 && kept < size, `${kept} kept`);
    assert.ok(place.tree().some((path) => /\.json$/.test(path)), "a checkpoint is there");
    assert.ok(!place.tree().some((path) => path.startsWith("manifests/")));

    const resumed = await place.pull(model.name, { settings: { connections } });
    place.assertInstalled(model);
    const again = (await resumed.result)!.fetched;
    assert.equal(again, size - kept);
    assert.equal(count(resumed, "bytes_lost"), 0);
    const excess = place.registry.served(digest) - size;
    assert.ok(excess >= 0 && excess < connections * MIB, `${excess} bytes were sent twice`);
  });
}

Deno.test("pullModel() that is stopped before it begins creates nothing", async () => {
  await using place = await world();
  const model = place.tiny(MIB);
  const pull = place.start(model.name, { onEvent: (_, pull) => pull.stop() });
  await assert.rejects(pull.result, { kind: "interrupted" });
  assert.deepEqual(place.tree(), []);
});

Deno.test("pullModel() tells of a dry run what is missing, and creates and fetches nothing", async () => {
  await using place = await world();
  const model = place.tiny(2 * MIB);
  const pull = await place.pull(model.name, { settings: { dryRun: true } });
  assert.equal(await pull.result, undefined);
  const last = pull.events.at(-1)!;
  assert.ok(last.event === "dry_run");
  assert.equal(last.result.toFetch, last.result.size);
  assert.equal(last.result.blobs.length, 5);
  assert.ok(last.result.fits);
  assert.deepEqual(place.tree(), []);
  assert.ok(place.registry.requests.every(({ path }) => path.includes("/manifests/")));
});

Deno.test("case 14: pullModel() of an unknown model creates nothing", async () => {
  await using place = await world();
  const { error } = await place.fail(`${place.registry.host}/library/nosuch`);
  assert.equal(error.kind, "not_found");
  assert.deepEqual(place.tree(), []);
});

Deno.test("pullModel() from where nobody listens tries again and creates nothing", async () => {
  await using place = await world();
  await place.registry.close();
  const { error, clock } = await place.fail(`${place.registry.host}/library/tiny`);
  assert.equal(error.kind, "network");
  assert.equal(clock.waits.length, 6);
  assert.deepEqual(place.tree(), []);
});

Deno.test("case 37: pullModel() onto a disk that is too small fails before anything is made", async () => {
  await using place = await world();
  const model = place.tiny(2 * MIB);
  const small = (free: number) => ({ store: (store: Store) => onDisk(store, { free }) });
  const { error } = await place.fail(model.name, small(MIB));
  assert.equal(error.kind, "disk_full");
  assert.deepEqual(place.tree(), []);
  await place.pull(model.name, { ...small(MIB), settings: { force: true } });
  place.assertInstalled(model);
  await place.pull(model.name, small(0));
});

Deno.test("pullModel() onto a file system that takes no file of that size fails before a byte is fetched", async () => {
  await using place = await world();
  const model = place.tiny(2 * MIB);
  const fat = { store: (store: Store) => onDisk(store, { largestFile: MIB }) };
  const { error } = await place.fail(model.name, fat);
  assert.equal(error.kind, "disk_full");
  assert.match(error.message, /takes no file of 2\.1 MB/);
  assert.equal(place.registry.served(model.weights.digest), 0);
  assert.deepEqual(place.tree(), []);
});

const DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json";
const OTHERS = {
  "a container image": [
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    /it is a container image/,
  ],
  "an OCI image": ["application/vnd.oci.image.layer.v1.tar+zstd", /it is a container image/],
  "a model for another program": [
    "application/vnd.docker.ai.gguf.v3",
    /no layer that Ollama uses \("application\/vnd\.docker\.ai\.gguf\.v3"\)/,
  ],
} as const;

for (const [what, [mediaType, text]] of Object.entries(OTHERS)) {
  Deno.test(`pullModel() of ${what} is refused before the first blob, except with --force`, async () => {
    await using place = await world();
    const image = place.registry.add("library/debian:latest", {
      config: { mediaType: DOCKER_CONFIG, content: '{"os":"linux"}' },
      layers: [{ mediaType, content: "the root file system" }],
    });
    for (const dryRun of [false, true]) {
      const { error } = await place.fail(image.name, { settings: { dryRun } });
      assert.equal(error.kind, "manifest");
      assert.match(error.message, text);
      assert.match(error.hint!, /--force/);
    }
    assert.deepEqual(place.tree(), []);
    assert.ok(place.registry.requests.every(({ path }) => path.includes("/manifests/")));
    await place.pull(image.name, { settings: { force: true } });
    place.assertInstalled(image);
  });
}

Deno.test("pullModel() takes every kind of model: in the cloud, of tensors, with unknown layers", async () => {
  await using place = await world();
  const config = {
    mediaType: DOCKER_CONFIG,
    content: '{"remote_host":"https://ollama.com:443","remote_model":"big:480b"}',
  };
  const kinds = {
    "cloud:latest": { config },
    "cloud:licensed": {
      config,
      layers: [{ mediaType: "application/vnd.ollama.image.license", content: "free" }],
    },
    "tensors:latest": {
      config,
      layers: [{ mediaType: "application/vnd.ollama.image.tensor", content: "t", name: "a.b" }],
    },
    "new:latest": {
      config,
      layers: [
        { mediaType: "application/vnd.example.future", content: "f" },
        { mediaType: "application/vnd.ollama.image.model", content: "GGUF" },
      ],
    },
  };
  for (const [name, files] of Object.entries(kinds)) {
    const model = place.registry.add(`library/${name}`, files);
    await place.pull(model.name);
    place.assertInstalled(model);
  }
});
