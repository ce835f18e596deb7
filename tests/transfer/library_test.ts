import assert from "node:assert/strict";
import { pull, PullamaError, type PullEvent } from "../../src/mod.ts";
import { MIB, world } from "./world.ts";

Deno.test("pull() stores a model without a terminal and tells what happens", async () => {
  await using place = await world();
  const model = place.tiny(3 * MIB);
  const events: PullEvent["event"][] = [];
  const summary = await pull(model.name, {
    modelsDir: place.models,
    insecure: true,
    onEvent: ({ event }) => events.push(event),
  });
  place.assertInstalled(model);
  assert.equal(summary.digest, model.digest);
  // On a busy computer a range may be requested again that was on its way.
  const twice = summary.fetched - summary.size;
  assert.ok(twice >= 0 && twice < MIB, `${twice} bytes came twice`);
  assert.equal(events[0], "pull_start");
  assert.equal(events.at(-1), "pull_completed");
  for (
    const event of ["manifest", "request", "bytes", "blob_verified", "manifest_written"] as const
  ) {
    assert.ok(events.includes(event), event);
  }
  const again = await pull(model.name, { modelsDir: place.models, insecure: true });
  assert.equal(again.fetched, 0);
});

Deno.test("pull() is stopped by its signal with kind interrupted, and goes on later", async () => {
  await using place = await world({ bytesPerSecond: 30 * MIB });
  const model = place.tiny(12 * MIB);
  const options = { modelsDir: place.models, insecure: true };
  const stop = new AbortController();
  const stopped = pull(model.name, {
    ...options,
    signal: stop.signal,
    onEvent: () => {
      if (place.registry.served(model.weights.digest) > 6 * MIB) stop.abort();
    },
  });
  await assert.rejects(stopped, { kind: "interrupted" });
  const { fetched } = await pull(model.name, options);
  place.assertInstalled(model);
  assert.ok(fetched < 9 * MIB, `${fetched} bytes`);

  await assert.rejects(pull(model.name, { ...options, signal: AbortSignal.abort() }), {
    kind: "interrupted",
  });
});

Deno.test("pull() refuses names and options that make no sense, and creates nothing", async () => {
  await using place = await world();
  const modelsDir = place.models;
  await assert.rejects(pull("../x", { modelsDir }), { kind: "invalid_name" });
  for (
    const wrong of [
      { connections: 0 },
      { connections: 1.5 },
      { connections: 65 },
      { chunkSize: 10 },
      { maxRetries: -1 },
      { timeoutMs: 0 },
      { limitRate: 0 },
    ]
  ) {
    await assert.rejects(
      pull(`${place.registry.host}/library/tiny`, { modelsDir, insecure: true, ...wrong }),
      (error) => error instanceof PullamaError && error.kind === "usage",
      JSON.stringify(wrong),
    );
  }
  assert.deepEqual(place.tree(), []);
  assert.equal(place.registry.requests.length, 0);
});
