import assert from "node:assert/strict";
import { makeModel } from "../fakes/model.ts";
import { MIB, onDisk, type World, world } from "./world.ts";

/** The hint of a pull of `name` onto a disk with 1 MiB free. */
async function hintFor(place: World, name: string): Promise<string> {
  const { error } = await place.fail(name, {
    store: (store) => onDisk(store, { free: MIB }),
  });
  assert.equal(error.kind, "disk_full");
  return error.hint!;
}

/** Pulls the model until some of its weights are there. */
async function begin(place: World, name: string, digest: string): Promise<void> {
  let seen = 0;
  await place.fail(name, {
    onEvent: (event, pull) => {
      if (event.event === "bytes" && event.digest === digest) seen += event.count;
      if (seen > 3 * MIB) pull.stop();
    },
  });
}

Deno.test("pullModel() onto a full disk says what clean would free, and that it drops this download too", async () => {
  await using place = await world({ bytesPerSecond: 40 * MIB });
  const one = place.tiny(12 * MIB);
  const files = makeModel({ size: 12 * MIB, seed: 2 });
  const other = place.registry.add("library/other:latest", files);
  assert.match(await hintFor(place, one.name), /pullama clean would free nothing of other models$/);
  await begin(place, one.name, one.weights.digest);
  const own = await hintFor(place, one.name);
  assert.match(own, /would free nothing of other models, but drop this download too \(\d.* MB/);
  assert.match(
    await hintFor(place, other.name),
    /pullama clean would free \d.* MB of other models' partial downloads/,
  );
  await begin(place, other.name, other.layers[0]!.digest);
  assert.match(
    await hintFor(place, one.name),
    /would free \d.* MB of other models' partial downloads, but drop this download too \(\d.* MB so far\)/,
  );
  await place.pull(one.name);
  place.assertInstalled(one);
});
