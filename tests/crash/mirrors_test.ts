import assert from "node:assert/strict";
import { makeModel } from "../fakes/model.ts";
import { startRegistry } from "../fakes/registry.ts";
import { kill, wasKilled } from "../real/child.ts";
import { assertInstalled } from "../real/store.ts";
import { MIB } from "./kills.ts";
import { machine } from "./machine.ts";
import { servedAtLeast } from "./scene.ts";

const SIZE = 32 * MIB;
const RATE = 20 * MIB;

/** The last value of a field in lines of JSON. */
function last(text: string, field: string): number {
  return Number(text.match(new RegExp(`"${field}":(\\d+)`, "g"))?.at(-1)?.split(":")[1]);
}

for (const connections of [1, 4]) {
  for (const first of ["a mirror", "the registry"]) {
    Deno.test(`a pull by ${connections} connections from ${first}, killed, is resumed from the other at the byte`, async () => {
      await using registry = await startRegistry({ bytesPerSecond: RATE });
      await using mirror = await startRegistry({ bytesPerSecond: RATE });
      await using place = await machine();
      const files = makeModel({ size: SIZE });
      const model = registry.add("library/tiny:latest", files);
      mirror.add(`${registry.host.replace(":", "_")}/library/tiny:latest`, files);
      const { digest } = model.layers[0]!;
      const plain = [model.name, "--connections", String(connections), "--output", "json"];
      const mirrored = [...plain, "--mirror", mirror.url];
      const [before, after] = first === "a mirror" ? [mirrored, plain] : [plain, mirrored];
      const [source, other] = first === "a mirror" ? [mirror, registry] : [registry, mirror];
      await using killed = place.start(before);
      await servedAtLeast(source, digest, SIZE / 3);
      kill(killed.process, "SIGKILL");
      assert.ok(wasKilled(await killed.ended), killed.err());
      assert.equal(other.served(digest), 0);
      const blobs = () => source.requests.filter(({ path }) => path.includes("/blobs/")).length;
      const asked = blobs();
      await using run = place.start(after);
      assert.equal((await run.ended).code, 0, run.err());
      assertInstalled(place.models, model.name, {
        manifest: model.manifest,
        blobs: [...model.layers, model.config!],
      });
      const [done, total] = ["OverallDone", "OverallTotal"].map((one) => last(killed.out(), one));
      const twice = last(run.out(), "FetchedBytes") + done! - total!;
      assert.ok(done! > 0 && twice < connections * MIB, `${twice} bytes came twice`);
      assert.ok(other.served(digest) > 0);
      assert.equal(blobs(), asked);
    });
  }
}
