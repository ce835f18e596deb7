import assert from "node:assert/strict";
import { parseName } from "../../src/core/name.ts";
import { openFolder } from "../../src/store/store.ts";
import { slowed } from "../fakes/capacity.ts";
import { makeModel } from "../fakes/model.ts";
import { type AddedModel, startRegistry } from "../fakes/registry.ts";
import { kill } from "../real/child.ts";
import { pullama } from "../real/program.ts";
import { assertInstalled, filesIn } from "../real/store.ts";
import { MIB, quiet } from "./kills.ts";
import { machine, type Run } from "./machine.ts";
import { testWith } from "../needs.ts";

const signal = new AbortController().signal;

function assertHas(models: string, { name, manifest, config, layers }: AddedModel): void {
  assertInstalled(models, name, { manifest, blobs: [...layers, config!] });
}

/** Repeats `work` until the pull has ended, at least once. */
async function untilEnd(pull: Run, work: () => Promise<void>): Promise<void> {
  let over = false;
  pull.ended.then(() => over = true);
  do await work(); while (!over);
}

testWith(
  ["readable locks"],
  "case 104: repeated rm and clean during a pull that shares blobs remove nothing that it needs",
  async () => {
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
    const counts = { cleaned: 0, here: 0, there: 0 };
    const enough = Promise.withResolvers<void>();
    const counted = (what: keyof typeof counts) => {
      counts[what]++;
      if (counts.cleaned > 10 && counts.here > 10 && counts.there > 0) enough.resolve();
    };
    registry.faults.data = async ({ path, range }) => {
      // The end of the blob waits until all has been tried.
      if (path.endsWith(largest.digest) && range?.end === largest.size) await enough.promise;
      return undefined;
    };
    await using pull = place.start([large.name]);
    await sent(registry.served(largest.digest) + 1, pull);
    const options = { models: [], dryRun: false, queue: true, signal };
    await Promise.all([
      untilEnd(pull, async () => {
        for (const { bytes, kind } of (await openFolder(place.models).clean(options)).removed) {
          assert.ok(
            kind === "records" || bytes === 0,
            "nothing but stale locks is there to remove",
          );
        }
        counted("cleaned");
      }),
      untilEnd(pull, async () => {
        const [removal] = await openFolder(place.models).remove([parseName(small.name)]);
        const kind = removal!.error?.kind;
        if (kind === "busy") counted("here");
        else assert.ok(kind === undefined || kind === "not_found", kind);
      }),
      untilEnd(pull, async () => {
        const { code, err } = await run("rm", small.name);
        if (err.includes(`(pid ${pull.process.pid} on `)) counted("there");
        // After the pull, another removal may hold the lock or be faster.
        else assert.ok(code === 0 || code === 4 || /a pull is running/.test(err), err);
      }),
      untilEnd(pull, async () => {
        const { code, err } = await run("clean");
        assert.equal(code, 0, err);
      }),
    ]);
    assert.equal((await pull.ended).code, 0, pull.err());
    assertHas(place.models, large);
    await quiet(registry);
    const again = registry.served(largest.digest) - largest.size;
    assert.ok(again < await slowed(4 * MIB), `${again} bytes were sent again`);
    assert.equal(registry.served(small.layers[0]!.digest), small.layers[0]!.size);
    await run("rm", small.name);
    assertHas(place.models, large);
    assert.deepEqual(filesIn(`${place.models}/manifests`), [
      `${registry.host}/library/large/latest`,
    ]);
  },
);
