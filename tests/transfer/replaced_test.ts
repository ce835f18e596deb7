/** A tag that has moved: the new model takes the place of the old one, whose blobs go if nothing else uses them. */

import assert from "node:assert/strict";
import type { PullEvent } from "../../src/core/events.ts";
import { makeModel } from "../fakes/model.ts";
import { filesIn } from "../real/store.ts";
import { MIB, type World, world } from "./world.ts";

const fileOf = (digest: string) => digest.replace(":", "-");

const eventIn = <K extends PullEvent["event"]>(events: readonly PullEvent[], kind: K) =>
  events.find((event): event is Extract<PullEvent, { readonly event: K }> => event.event === kind)!;

/** Pulls a model, moves its tag, and returns both versions. */
async function moved(place: World, name = "library/tiny:latest") {
  const old = place.registry.add(name, makeModel({ size: 2 * MIB, seed: 1 }));
  await place.pull(old.name);
  const next = place.registry.add(name, makeModel({ size: MIB, seed: 2 }));
  return { old, next, weights: old.layers[0]! };
}

const blobsOf = (place: World) => new Set(filesIn(`${place.models}/blobs`));

Deno.test("a pull of a moved tag says what it replaces, and removes what only that used", async () => {
  await using place = await world();
  const { old, next, weights } = await moved(place);
  const { events } = await place.pull(next.name);
  assert.equal(eventIn(events, "manifest").replaces, old.digest);
  assert.equal(eventIn(events, "pull_completed").summary.freed, weights.size);
  place.assertInstalled(next);
  const wanted = [...next.layers, next.config!].map(({ digest }) => fileOf(digest));
  assert.deepEqual([...blobsOf(place)].sort(), [...new Set(wanted)].sort());
  assert.deepEqual(place.tree().filter((path) => path.includes("replaced")), []);
  const again = await place.pull(next.name);
  assert.equal(eventIn(again.events, "manifest").replaces, undefined);
  assert.equal(eventIn(again.events, "pull_completed").summary.freed, undefined);
});

Deno.test("what another model uses of a replaced one stays", async () => {
  await using place = await world();
  const { old, next, weights } = await moved(place);
  const other = place.registry.add("library/other:latest", {
    ...makeModel({ size: MIB, seed: 3 }),
    layers: makeModel({ size: 2 * MIB, seed: 1 }).layers,
  });
  await place.pull(other.name);
  const { events } = await place.pull(next.name);
  assert.equal(eventIn(events, "manifest").replaces, old.digest);
  assert.ok(blobsOf(place).has(fileOf(weights.digest)));
  place.assertInstalled(next);
  place.assertInstalled(other);
});

Deno.test("while another pull is running nothing of the replaced model is removed; that pull does it at its end", async () => {
  await using place = await world();
  const { next, weights } = await moved(place);
  const other = place.registry.add("library/slow:latest", makeModel({ size: MIB, seed: 4 }));
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  place.registry.faults.data = async ({ path }) => {
    if (!path.endsWith(other.layers[0]!.digest)) return undefined;
    asked.resolve();
    await answer.promise;
    return undefined;
  };
  const slow = place.start(other.name);
  await asked.promise;
  const { events } = await place.pull(next.name);
  answer.resolve();
  assert.equal(eventIn(events, "pull_completed").summary.freed, undefined);
  assert.ok(blobsOf(place).has(fileOf(weights.digest)));
  await slow.result;
  assert.equal(eventIn(slow.events, "pull_completed").summary.freed, weights.size);
  assert.ok(!blobsOf(place).has(fileOf(weights.digest)));
});

Deno.test("nothing is removed while a manifest cannot be read, and the pull succeeds", async () => {
  await using place = await world();
  const { next, weights } = await moved(place);
  const broken = `${place.models}/manifests/registry.ollama.ai/library/broken`;
  await Deno.mkdir(broken, { recursive: true });
  await Deno.writeTextFile(`${broken}/latest`, "{");
  const { events } = await place.pull(next.name);
  assert.match(
    events.flatMap((event) => event.event === "note" ? [event.message] : []).join(),
    /blobs of the replaced model are kept: cannot read the manifest/,
  );
  assert.ok(blobsOf(place).has(fileOf(weights.digest)));
  await Deno.remove(broken, { recursive: true });
  const { events: later } = await place.pull(next.name);
  assert.equal(eventIn(later, "pull_completed").summary.freed, weights.size);
});
