/**
 * A pull that resumes in a models folder of which any record is damaged ends with exactly the right model, or with a
 * sentence that says what to do: never with wrong bytes under a final name, and nothing else is changed.
 */

import assert from "node:assert/strict";
import fc from "fast-check";
import { PullamaError } from "../../src/core/errors.ts";
import { pathsOf } from "../../src/store/layout/paths.ts";
import { openQueue } from "../../src/setup/queue.ts";
import { openFolder } from "../../src/store/store.ts";
import { damaged, damagedJson, trials } from "../fakes/mutate.ts";
import { filesIn, sha256Of } from "../real/store.ts";
import { noSignal } from "../store/world.ts";
import { MIB } from "../transfer/world.ts";
import { portrait } from "./planting.ts";
import { type How, type Left, left } from "./left.ts";

const HOWS: readonly How[] = [
  "stopped",
  "killed",
  "ollama pull",
  "damaged and moved aside",
  "verified and waiting",
];
const MOST_REQUESTS = 80;

/** The records in a folder: all files that are no data, and where they are. */
function recordsIn(models: string): string[] {
  return filesIn(models).map((path) => `${models}/${path}`)
    .filter((path) => Deno.statSync(path).size < 100_000 && !/blobs\/sha256-\w+$/.test(path));
}

/** The value in a file, unless that is damaged already or no JSON. */
function valueIn(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** Entries in the ledger for all finished blobs, as if they had been hashed. */
function vouch({ paths }: Left): void {
  const blobs: Record<string, unknown> = {};
  for (const folder of [paths.blobs, paths.ready]) {
    for (const name of filesIn(folder).filter((name) => /^sha256-[0-9a-f]{64}$/.test(name))) {
      const { size, mtime, ino } = Deno.statSync(`${folder}/${name}`);
      blobs[name.replace("-", ":")] = {
        size,
        mtime_ms: mtime!.getTime(),
        inode: ino,
        verified_at: "2026-01-01T00:00:00Z",
      };
    }
  }
  Deno.writeTextFileSync(paths.ledger, JSON.stringify({ version: 1, blobs }));
}

/** Damages some of the records, and sometimes the data that they tell of. */
function spoil({ at, place }: Left, g: fc.GeneratorValue): string[] {
  const done: string[] = [];
  const records = recordsIn(place.models);
  // Those of the unfinished blob matter most.
  const own = records.filter((path) => path.includes(at.final.slice(-64)));
  for (let n = g(fc.nat, 2); n >= 0; n--) {
    const among = own.length > 0 && g(fc.boolean) ? own : records;
    const path = g(() => fc.constantFrom(...among));
    const bytes = Deno.readFileSync(path);
    const name = path.slice(place.models.length);
    const value = valueIn(bytes);
    const spoilt = typeof value === "object" && g(fc.nat, 3) > 0
      ? g(damagedJson, value)
      : g(damaged, bytes);
    Deno.writeFileSync(path, spoilt);
    done.push(`${name}: ${new TextDecoder().decode(spoilt).slice(0, 1000)}`);
  }
  try {
    using data = Deno.openSync(at.partial, { read: true, write: true });
    const { size } = data.statSync();
    for (const place of g(() => fc.array(fc.nat(size - 1), { maxLength: 3 }))) {
      data.seekSync(place, Deno.SeekMode.Start);
      data.writeSync(new Uint8Array(g(fc.nat, 100)));
      done.push(`zeros at ${place}`);
    }
    const length = g(() => fc.option(fc.nat(4 * MIB), { freq: 3 }));
    if (length !== null) {
      data.truncateSync(length);
      done.push(`length ${length}`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return done;
}

/** What other commands do there: each ends, in its own words. */
async function look(models: string): Promise<void> {
  const folder = openFolder(models);
  const signal = noSignal();
  const attempts: readonly (() => Promise<unknown>)[] = [
    () => folder.list(),
    ...(await folder.names().catch(() => [])).map((name) => () => folder.details(name)),
    () => folder.clean({ models: [], dryRun: true, queue: true, signal }),
    () => folder.verify({ names: [], full: false }, { signal, onFinding() {}, onProgress() {} }),
    () => openQueue(models).rows({ signal, onWait() {} }),
  ];
  for (const attempt of attempts) {
    await attempt().catch((error) => {
      assert.ok(error instanceof PullamaError && error.kind !== "internal", String(error));
    });
  }
}

/** Everything under a final name is what the name says. */
function assertNames(models: string): void {
  const { blobs } = pathsOf(models);
  for (const name of filesIn(blobs).filter((name) => /^sha256-[0-9a-f]{64}$/.test(name))) {
    assert.equal(`sha256-${sha256Of(`${blobs}/${name}`)}`, name);
  }
}

Deno.test("a pull among damaged records ends with the right model, or says what to do", async () => {
  await using scene = await left();
  const { place, model, precious, restore } = scene;
  const endings = new Map<string, number>();
  const before = portrait(precious);
  for (const how of HOWS) {
    restore(how);
    const served = place.registry.served(model.weights.digest);
    await place.pull(model.name);
    place.assertInstalled(model);
    // Undamaged, it saves bytes.
    const missing = place.registry.served(model.weights.digest) - served;
    assert.ok(missing < model.weights.size - MIB / 2, `${how}: ${missing} bytes`);
  }
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...HOWS), fc.gen(), async (how, g) => {
      restore(how);
      vouch(scene);
      const done = spoil(scene, g);
      await look(place.models);
      const requests = place.registry.requests.length;
      const { result } = place.start(model.name);
      const error = await result.then(() => undefined, (error) => error);
      const told = `${how}\n${done.join("\n")}\n${error?.stack}`;
      if (error === undefined) place.assertInstalled(model);
      else {
        assert.ok(error instanceof PullamaError, told);
        assert.ok(error.kind !== "internal" && error.hint, told);
      }
      assertNames(place.models);
      assert.deepEqual(portrait(precious), before, told);
      assert.ok(place.registry.requests.length - requests < MOST_REQUESTS, told);
      const ending = error?.message.replaceAll(/\/\S+/g, "PATH") ?? "pulled";
      endings.set(ending, (endings.get(ending) ?? 0) + 1);
    }),
    // To make a failure smaller would take hundreds of pulls.
    { ...trials(6, 200), endOnFailure: true },
  );
  assert.ok(endings.get("pulled")! > 0);
  if (Deno.env.get("PULLAMA_SOAK")) console.log(endings);
});
