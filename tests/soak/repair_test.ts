import assert from "node:assert/strict";
import { PART, run, scene } from "../crash/damaged.ts";
import { MIB } from "../crash/kills.ts";
import { randomNumbers } from "../random.ts";
import { flip } from "../fakes/flip.ts";
import { testWith } from "../needs.ts";
import { kill } from "../real/child.ts";
import { SEED as seed } from "../seed.ts";

const KILLS = 10;

testWith(
  ["a long time"],
  "a repair that is killed at any moment continues, and downloads no part twice",
  async () => {
    await using here = await scene();
    const { place, registry, weights } = here;
    const random = randomNumbers(seed);
    flip(here.blob, 7);
    assert.equal((await run(place, "verify", "--full")).code, 1);
    const before = registry.served(weights.digest);
    for (let kills = 0; kills < KILLS; kills++) {
      await using one = place.start(["verify", "--repair"]);
      await new Promise((later) => setTimeout(later, 200 + random() * 1200));
      kill(one.process, "SIGKILL");
      await one.ended;
    }
    const { code, out, err } = await run(place, "verify", "--repair");
    assert.equal(code, 0, out + err);
    here.assertInstalled();
    const fetched = registry.served(weights.digest) - before;
    // What the server had sent when the process ended is lost as well.
    assert.ok(fetched <= PART + KILLS * 8 * MIB, `${fetched} bytes, seed ${seed}`);
  },
);
