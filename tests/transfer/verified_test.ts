import assert from "node:assert/strict";
import { openFolder } from "../../src/store/store.ts";
import type { Finding } from "../../src/core/reports/verify.ts";
import { flip } from "../fakes/flip.ts";
import { MIB, world } from "./world.ts";

const DAMAGES: Readonly<Record<string, (path: string) => void>> = {
  wrong_digest: (path) => flip(path, MIB),
  wrong_size: (path) => Deno.truncateSync(path, MIB),
  missing: (path) => Deno.removeSync(path),
};

for (const [kind, damage] of Object.entries(DAMAGES)) {
  Deno.test(`a pull downloads again what verify found to be damaged: ${kind}`, async () => {
    await using place = await world();
    const model = place.tiny(2 * MIB);
    await place.pull(model.name);
    const verify = async (full: boolean) => {
      const found: Finding[] = [];
      const { signal } = new AbortController();
      const watcher = { signal, onFinding: (one: Finding) => found.push(one), onProgress() {} };
      const report = await openFolder(place.models).verify({ names: [], full }, watcher);
      return { found: found.map(({ kind }) => kind), read: report.read };
    };
    // What a pull has verified is not read again.
    assert.deepEqual(await verify(false), { found: [], read: 0 });
    damage(place.blob(model.weights.digest));
    assert.deepEqual((await verify(true)).found, [kind]);
    assert.deepEqual((await verify(false)).found, [kind]);
    await place.pull(model.name);
    place.assertInstalled(model);
    assert.deepEqual(await verify(false), { found: [], read: 0 });
  });
}
