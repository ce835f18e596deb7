import assert from "node:assert/strict";
import { flip } from "../fakes/flip.ts";
import { makeModel } from "../fakes/model.ts";
import { PART, run, scene } from "./damaged.ts";
import { MIB } from "./kills.ts";

Deno.test("verify --repair downloads the damaged part of what is installed, also where the tag has moved", async () => {
  await using here = await scene();
  const { place, registry, weights } = here;
  flip(here.blob, PART + 7);
  const found = await run(place, "verify", "--full", "--output", "compact");
  assert.deepEqual([found.code, found.err], [1, ""]);
  // Another model under the same name.
  registry.add("library/tiny:latest", makeModel({ size: 1000, seed: 2 }));
  const before = registry.served(weights.digest);
  const { code, out, err } = await run(place, "verify", "--repair", "--output", "compact");
  assert.deepEqual([code, err], [0, ""], out);
  assert.match(out, /digest mismatch in blob .*\n[^]*\nall right, 1 model, /);
  here.assertInstalled();
  const fetched = registry.served(weights.digest) - before;
  assert.ok(fetched > 0 && fetched <= PART + MIB, `${fetched} bytes`);
  const again = await run(place, "verify", "--full", "--output", "compact");
  assert.match(again.out, /^all right/m);
});

Deno.test("verify --repair of a healthy folder downloads nothing; of what the registry lacks it fails", async () => {
  await using here = await scene();
  const { place, registry } = here;
  const requests = registry.requests.length;
  assert.equal((await run(place, "verify", "--full", "--repair")).code, 0);
  assert.equal(registry.requests.length, requests);
  flip(here.blob, 7);
  registry.faults.data = ({ path }) =>
    path.includes(here.weights.digest) ? { status: 404 } : undefined;
  const { code, err } = await run(place, "verify", "--full", "--repair", "--max-retries", "0");
  assert.equal(code, 1, err);
});
