import assert from "node:assert/strict";
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
    source: (source) => {
      const listed = withList(chunkList(files.weights, MIB))(source);
      return {
        ...listed,
        async chunksums(...of) {
          await renamed.promise;
          return await listed.chunksums(...of);
        },
      };
    },
    store: () =>
      openFolder(place.models, { tool: "test", disk: new RecordingDisk({ before: onStep }) }),
  });
  place.assertInstalled(model);
  const twice = place.registry.served(digest) - size;
  assert.ok(twice <= takenOver(pull), `${twice} bytes came twice`);
});
