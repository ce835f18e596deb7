import assert from "node:assert/strict";
import { blobPaths, pathsOf } from "../../src/store/layout/paths.ts";
import { openFolder } from "../../src/store/store.ts";
import { exists } from "../fakes/exists.ts";
import { flip } from "../fakes/flip.ts";
import { filesIn } from "../real/store.ts";
import { MIB, takenOver, type Tiny, type World, world } from "./world.ts";

const PART = 64 * MIB;
const SIZE = 2 * PART + 20 * MIB;
/** Where a connection stopped that received more than it was asked for. */
const SLACK = 256 * 1024;

async function verify(models: string): Promise<string[]> {
  const found: string[] = [];
  await openFolder(models).verify({ names: [], full: true }, {
    signal: new AbortController().signal,
    onFinding: ({ kind }) => void found.push(kind),
    onProgress() {},
  });
  return found;
}

/** Pulls once more, and returns how many bytes of the weights were requested for it, without what came twice. */
async function again(place: World, model: Tiny): Promise<number> {
  const before = place.registry.served(model.weights.digest);
  const pull = await place.pull(model.name);
  place.assertInstalled(model);
  assert.deepEqual(await verify(place.models), []);
  return Math.max(1, place.registry.served(model.weights.digest) - before - takenOver(pull));
}

const DAMAGES: readonly (readonly [string, (path: string) => void, number])[] = [
  ["a wrong byte costs its part", (path) => flip(path, PART + 7), PART],
  ["two wrong bytes cost their two parts", (path) => flip(path, 9, PART, PART + 5), 2 * PART],
  [
    "a wrong byte at the end costs the last part",
    (path) => flip(path, SIZE - 1),
    SIZE - 2 * PART,
  ],
  ["a cut costs what is missing", (path) => Deno.truncateSync(path, PART + 9), SIZE - PART - 9],
  ["extra bytes at the end cost nothing", (path) => {
    Deno.writeFileSync(path, new Uint8Array(MIB), { append: true });
  }, 0],
];

for (const [what, damage, cost] of DAMAGES) {
  Deno.test(`of a damaged blob only the damaged parts are downloaded: ${what}`, async () => {
    await using place = await world();
    const model = place.tiny(SIZE);
    await place.pull(model.name);
    const path = place.blob(model.weights.digest);
    const { size } = model.weights;
    // Another name of the file, and a server that has it open, see no repair.
    const other = `${place.models}/other`;
    Deno.linkSync(path, other);
    damage(path);
    const damaged = Deno.statSync(other);
    assert.equal((await verify(place.models)).length, 1);
    const fetched = await again(place, model);
    const most = cost + (size - SIZE) + SLACK;
    assert.ok(
      fetched >= Math.min(1, cost) && fetched <= most,
      `${fetched} bytes instead of ${cost}`,
    );
    const { ino, mtime, size: same } = Deno.statSync(other);
    assert.deepEqual([ino, mtime, same], [damaged.ino, damaged.mtime, damaged.size]);
    const { bad, parts } = pathsOf(place.models);
    assert.deepEqual([filesIn(bad), filesIn(parts).length], [[], 1]);
  });
}

Deno.test("without digests of its parts a damaged blob is downloaded whole, a cut one continued", async () => {
  await using place = await world();
  const model = place.tiny(SIZE);
  await place.pull(model.name);
  const paths = pathsOf(place.models);
  const { final, parts } = blobPaths(paths, model.weights.digest);
  Deno.removeSync(parts);
  Deno.truncateSync(final, 100 * MIB);
  const isNear = (fetched: number, missing: number) =>
    assert.ok(fetched >= missing && fetched <= missing + SLACK, `${fetched} of ${missing} bytes`);
  isNear(await again(place, model), model.weights.size - 100 * MIB);
  Deno.removeSync(parts);
  flip(final, 9);
  // As after a pull by another program.
  Deno.removeSync(paths.ledger);
  isNear(await again(place, model), model.weights.size);
});

Deno.test("digests of parts that are wrong cost a download, and no more", async () => {
  await using place = await world();
  const model = place.tiny(SIZE);
  await place.pull(model.name);
  const paths = pathsOf(place.models);
  const { final, parts } = blobPaths(paths, model.weights.digest);
  flip(parts, 30);
  flip(final, 9);
  assert.equal((await verify(place.models)).length, 1);
  assert.ok(await again(place, model) <= model.weights.size + PART + SLACK);
});

Deno.test("verify makes digests of the parts of models that another program pulled; rm removes them", async () => {
  await using place = await world();
  const model = place.tiny(SIZE);
  await place.pull(model.name);
  const { own, parts } = pathsOf(place.models);
  const made = filesIn(parts).map((name) => Deno.readFileSync(`${parts}/${name}`));
  Deno.removeSync(own, { recursive: true });
  assert.deepEqual(await verify(place.models), []);
  assert.deepEqual(filesIn(parts).map((name) => Deno.readFileSync(`${parts}/${name}`)), made);
  const folder = openFolder(place.models);
  await folder.remove(await folder.names());
  assert.deepEqual(filesIn(parts), []);
});

Deno.test("clean removes digests of the parts of blobs that are gone", async () => {
  await using place = await world();
  const model = place.tiny(SIZE);
  await place.pull(model.name);
  const { parts } = blobPaths(pathsOf(place.models), model.weights.digest);
  const { signal } = new AbortController();
  const clean = () =>
    openFolder(place.models).clean({ models: [], dryRun: false, queue: false, signal });
  await clean();
  assert.ok(exists(parts));
  Deno.removeSync(place.blob(model.weights.digest));
  await clean();
  assert.ok(!exists(parts));
});
