import assert from "node:assert/strict";
import { MIB } from "../crash/kills.ts";
import { scene, servedAtLeast } from "../crash/scene.ts";
import { needing } from "../needs.ts";
import { assertInstalled } from "../real/store.ts";

/** Longer than a connection may be silent while others receive data. */
const SUSPENDED_MS = 14_000;

Deno.test({
  ...needing(["a long time"], "a pull that was suspended keeps its connections"),
  async fn() {
    await using it = await scene({ bytesPerSecond: 4 * MIB }, 64 * MIB);
    const { registry, place, model, weights } = it;
    await using run = place.start([model.name, "--output", "json", "--connections", "4"]);
    await servedAtLeast(registry, weights.digest, 8 * MIB);
    run.process.kill("SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, SUSPENDED_MS));
    run.process.kill("SIGCONT");
    assert.equal((await run.ended).code, 0, run.err());
    assert.doesNotMatch(run.out(), /"event":"stall"/);
    assertInstalled(place.models, model.name, it.installed);
  },
});
