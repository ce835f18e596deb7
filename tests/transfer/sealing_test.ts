import assert from "node:assert/strict";
import { type Disk, realDisk } from "../../src/io/disk.ts";
import { blobPaths, pathsOf } from "../../src/store/layout/paths.ts";
import { openFolder } from "../../src/store/store.ts";
import { makeModel } from "../fakes/model.ts";
import { type DiskStep, RecordingDisk } from "../fakes/recording_disk.ts";
import { chunkList, withList } from "./chunk_lists.ts";
import { MIB, takenOver, world } from "./world.ts";

Deno.test("chunks that the registry names while a complete blob gets its name are of no use", async () => {
  await using place = await world();
  const files = makeModel({ size: 4 * MIB, seed: 1 });
  const model = place.registry.add("library/tiny:latest", files);
  const { digest, size } = model.layers[0]!;
  const renamed = Promise.withResolvers<void>();
  const onStep = ({ does, path }: DiskStep) => {
    if (does === "rename" && path === place.blob(digest, "ready")) renamed.resolve();
  };
  const pull = await place.pull(model.name, {
    source: withList(chunkList(files.weights, MIB), renamed.promise),
    store: () =>
      openFolder(place.models, { tool: "test", disk: new RecordingDisk({ before: onStep }) }),
  });
  place.assertInstalled(model);
  const twice = place.registry.served(digest) - size;
  assert.ok(twice <= takenOver(pull), `${twice} bytes came twice`);
});

Deno.test("a list of chunks that arrives while doubtful bytes are dropped has them downloaded once", async () => {
  await using place = await world();
  const files = makeModel({ size: 4 * MIB, seed: 1 });
  const model = place.registry.add("library/tiny:latest", files);
  const { digest, size } = model.layers[0]!;
  const at = blobPaths(pathsOf(place.models), digest);
  await Deno.mkdir(pathsOf(place.models).own, { recursive: true });
  // What a kill has left, and it is wrong.
  await Deno.writeFile(at.partial, new Uint8Array(MIB).fill(7));
  const left = { proven: [{ start: 0, end: MIB, from: "live" }], prefix: [] };
  await Deno.writeTextFile(
    at.checkpoint,
    JSON.stringify({ version: 2, tool: "test", digest, size, ...left }),
  );
  const dropping = Promise.withResolvers<void>();
  const again = Promise.withResolvers<void>();
  let received = 0;
  const disk: Disk = {
    ...realDisk,
    async rename(from, to) {
      if (to === at.checkpoint && received >= size - MIB) {
        dropping.resolve();
        await again.promise;
      }
      await realDisk.rename(from, to);
    },
  };
  const pull = await place.pull(model.name, {
    source: withList(chunkList(files.weights, MIB), dropping.promise),
    store: () => openFolder(place.models, { tool: "test", disk }),
    onEvent(event) {
      if (event.event !== "bytes" || event.digest !== digest) return;
      received += event.count;
      if (received >= size) again.resolve();
    },
  });
  place.assertInstalled(model);
  const twice = place.registry.served(digest) - size;
  assert.ok(twice <= takenOver(pull), `${twice} bytes came twice`);
});
