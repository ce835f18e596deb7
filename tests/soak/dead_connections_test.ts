import assert from "node:assert/strict";
import { testWith } from "../needs.ts";
import { count, MIB, world } from "../transfer/world.ts";

testWith(
  ["a long time"],
  "a range is repeated on a new connection if the kept ones are dead",
  async () => {
    await using place = await world();
    const model = place.tiny(8 * MIB);
    const { digest, size } = model.weights;
    const used = new Set<number>();
    let dead = false;
    place.registry.faults.data = ({ path, range, connection }) => {
      if (!path.endsWith(digest)) return undefined;
      dead ||= range!.end >= size;
      const kept = used.has(connection);
      used.add(connection);
      return dead && (kept || range!.end >= size && used.size <= 2)
        ? { delayMs: Infinity }
        : undefined;
    };
    const pull = await place.pull(model.name, { settings: { connections: 2, chunkSize: MIB } });
    place.assertInstalled(model);
    // It did not take a timeout.
    assert.equal(count(pull, "retry"), 0);
    assert.ok(used.size > 2, "a new connection");
  },
);
