import assert from "node:assert/strict";
import { parseName } from "../../src/core/name.ts";
import { openFolder } from "../../src/store/store.ts";
import { makeModel } from "../fakes/model.ts";
import { type AddedModel, startRegistry } from "../fakes/registry.ts";
import { kill } from "../real/child.ts";
import { pullama } from "../real/program.ts";
import { assertInstalled, filesIn } from "../real/store.ts";
import { MIB, quiet } from "./kills.ts";
import { machine, type Run } from "./machine.ts";

const signal = new AbortController().signal;

function assertHas(models: string, { name, manifest, config, layers }: AddedModel): void {
  assertInstalled(models, name, { manifest, blobs: [...layers, config!] });
}

/** Repeats `work` until the pull has ended, at least once; returns how often. */
async function untilEnd(pull: Run, work: () => Promise<void>): Promise<number> {
  let over = false;
  pull.ended.then(() => over = true);
  for (let times = 1;; times++) {
    await work();
    if (over) return times;
  }
}

Deno.test("case 104: repeated rm and clean during a pull that shares blobs remove nothing that it needs", async () => {
  const weights = makeModel({ size: 3 * MIB, seed: 1 });
  const more = makeModel({ size: 10 * MIB, seed: 2 });
  await using registry = await startRegistry({ bytesPerSecond: 4 * MIB });
  await using place = await machine();
  const run = (...args: string[]) =>
    pullama([...args, "--models-dir", place.models], { home: place.models });
  const small = registry.add("library/small:latest", weights);
  const large = registry.add("library/large:latest", {
    ...more,
    layers: [...weights.layers, more.layers[0]!],
  });
  const largest = large.layers.at(-1)!;
  const sent = async (bytes: number, pull: Run) => {
    let over = false;
    pull.ended.then(() => over = true);
    while (registry.served(largest.digest) < bytes) {
      assert.ok(!over, pull.err());
      await new Promise((go) => setTimeout(go, 5));
    }
  };
  {
    await using first = place.start([small.name, "--quiet"]);
    assert.equal((await first.ended).code, 0, first.err());
  }
  {
    await using killed = place.start([large.name]);
    await sent(2 * MIB, killed);
    kill(killed.process, "SIGKILL");
    await killed.ended;
    await quiet(registry);
  }
  await using pull = place.start([large.name]);
  await sent(registry.served(largest.digest) + 1, pull);
  const options = { models: [], dryRun: false, queue: true, signal };
  const refused = { here: 0, there: 0 };
  const [cleaned] = await Promise.all([
    untilEnd(pull, async () => {
      for (const { bytes, kind } of (await openFolder(place.models).clean(options)).removed) {
        assert.ok(kind === "records" || bytes === 0, "nothing but stale locks is there to remove");
      }
    }),
    untilEnd(pull, async () => {
      const [removal] = await openFolder(place.models).remove([parseName(small.name)]);
      const kind = removal!.error?.kind;
      if (kind === "busy") refused.here++;
      else assert.ok(kind === undefined || kind === "not_found", kind);
    }),
    untilEnd(pull, async () => {
      const { code, err } = await run("rm", small.name);
      if (err.includes(`(pid ${pull.process.pid} on `)) refused.there++;
      // After the pull, another removal may hold the lock or be faster.
      else assert.ok(code === 0 || code === 4 || /a pull is running/.test(err), err);
    }),
    untilEnd(pull, async () => {
      const { code, err } = await run("clean");
      assert.equal(code, 0, err);
    }),
  ]);
  assert.equal((await pull.ended).code, 0, pull.err());
  assert.ok(cleaned > 10 && refused.here > 10 && refused.there > 0, JSON.stringify(refused));
  assertHas(place.models, large);
  await quiet(registry);
  const again = registry.served(largest.digest) - largest.size;
  assert.ok(again < 4 * MIB, `${again} bytes were sent again`);
  assert.equal(registry.served(small.layers[0]!.digest), small.layers[0]!.size);
  await run("rm", small.name);
  assertHas(place.models, large);
  assert.deepEqual(filesIn(`${place.models}/manifests`), [
    `${registry.host}/library/large/latest`,
  ]);
});
