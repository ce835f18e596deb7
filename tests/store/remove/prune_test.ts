import assert from "node:assert/strict";
import { PullamaError } from "../../../src/core/errors.ts";
import { openFolder } from "../../../src/store/store.ts";
import { linkTo } from "../../fakes/link.ts";
import { exists } from "../../fakes/exists.ts";
import { makeModel } from "../../fakes/model.ts";
import { filesIn } from "../../real/store.ts";
import { install } from "../installed_models.ts";
import { blobOf, fetchBlob, NAME, namesIn, noSignal, type TestBlob, World } from "../world.ts";
import { testWith } from "../../needs.ts";

const OLD = blobOf(300_000, 1);
const YOUNG = blobOf(200_000, 2);
const WANTED = blobOf(2_000_000, 3);
const HOUR = 3600;
const EVERYTHING = { dryRun: false, all: false };

/** A model, a blob that nothing uses since two hours, and one since a moment ago. */
async function littered(): Promise<World> {
  const world = await World.make();
  install(world.models, "registry.ollama.ai/library/kept/latest", makeModel({ size: 1000 }));
  write(world, OLD, 2 * HOUR);
  write(world, YOUNG, 0);
  return world;
}

function write(world: World, { blob, bytes }: TestBlob, age: number): void {
  const { final } = world.at(blob);
  Deno.writeFileSync(final, bytes);
  const then = Date.now() / 1000 - age;
  Deno.utimeSync(final, then, then);
}

Deno.test("pruneFolder() removes what no manifest uses, unless it was written in the last hour", async () => {
  await using world = await littered();
  const before = filesIn(world.models);
  const dry = await world.folder().prune({ dryRun: true, all: false });
  assert.deepEqual(filesIn(world.models), before);
  const report = await world.folder().prune(EVERYTHING);
  const [old, young] = [OLD, YOUNG].map(({ blob: { digest, size } }) => [{ digest, bytes: size }]);
  assert.deepEqual([report.removed, report.kept], [old, young]);
  assert.deepEqual([dry.removed, dry.kept], [old, young]);
  assert.equal(exists(world.at(OLD.blob).final), false);
  assert.ok(exists(world.at(YOUNG.blob).final));
  const all = await world.folder().prune({ dryRun: false, all: true });
  assert.deepEqual(all.removed, young);
  // The model has all of its blobs.
  assert.equal((await world.folder().verify({ names: [], full: true }, WATCHER)).problems, 0);
});

const WATCHER = { signal: noSignal(), onFinding() {}, onProgress() {} };

Deno.test("pruneFolder() keeps the finished and unfinished blobs of a pull that goes on later", async () => {
  await using world = await littered();
  {
    const intent = { name: NAME, digests: new Set([WANTED.blob.digest, OLD.blob.digest]) };
    await using session = await world.folder().enter(noSignal(), () => {}, intent);
    await fetchBlob(session, WANTED);
  }
  const { ready } = world.at(WANTED.blob);
  Deno.linkSync(ready, world.at(WANTED.blob).final);
  const { removed } = await world.folder().prune({ dryRun: false, all: true });
  assert.deepEqual(removed.map(({ digest }) => digest), [YOUNG.blob.digest]);
  assert.ok(exists(ready) && exists(world.at(OLD.blob).final));
});

async function refusal(world: World, options = EVERYTHING): Promise<PullamaError> {
  const before = filesIn(`${world.models}/blobs`);
  const error = await world.folder().prune(options).catch((error) => error);
  assert.ok(error instanceof PullamaError, `${error}`);
  assert.deepEqual(filesIn(`${world.models}/blobs`), before);
  return error;
}

Deno.test("pruneFolder() removes nothing while a pull is running, also one of Ollama", async () => {
  await using world = await littered();
  {
    const intent = { name: NAME, digests: new Set([WANTED.blob.digest]) };
    await using _session = await world.folder().enter(noSignal(), () => {}, intent);
    for (const dryRun of [true, false]) {
      const { kind, message } = await refusal(world, { dryRun, all: true });
      assert.equal(kind, "busy");
      assert.match(message, /a pull is running/);
    }
  }
  // Its records, and the file of a model with tensors.
  const files = ["-partial-3", ".tmp"].map((end) => `${world.at(WANTED.blob).final}${end}`);
  for (const file of files) {
    Deno.writeTextFileSync(file, "{}");
    const { kind, message } = await refusal(world);
    assert.equal(kind, "busy");
    assert.match(message, /^ollama pull is running/);
    Deno.utimeSync(file, 1, 1);
  }
  assert.equal((await world.folder().prune(EVERYTHING)).removed.length, 1);
  assert.ok(files.every(exists));
});

Deno.test("pruneFolder() removes nothing if a manifest cannot be read, and names it", async () => {
  await using world = await littered();
  const path = `${world.models}/manifests/registry.ollama.ai/library/kept/broken`;
  Deno.writeTextFileSync(path, "{");
  const { kind, message, hint } = await refusal(world);
  assert.equal(kind, "manifest");
  assert.ok(message.includes(path));
  assert.match(hint!, /nothing was removed/);
});

testWith(
  ["symbolic links"],
  "pruneFolder() follows no link, and leaves what is not a blob",
  async () => {
    await using world = await littered();
    const { blobs } = world.paths;
    const outside = `${world.models}/../outside`;
    Deno.writeTextFileSync(outside, "not ours");
    linkTo(outside, `${blobs}/sha256-${"a".repeat(64)}`);
    Deno.mkdirSync(`${blobs}/sha256-${"b".repeat(64)}`);
    Deno.writeTextFileSync(`${blobs}/._sha256-${"c".repeat(64)}`, "");
    await world.folder().prune({ dryRun: false, all: true });
    assert.equal(Deno.readTextFileSync(outside), "not ours");
    const left = namesIn(blobs).filter((name) => /a{64}|b{64}|c{64}/.test(name));
    assert.equal(left.length, 3);
  },
);

Deno.test("pruneFolder() of a folder that does not exist finds nothing and makes nothing", async () => {
  await using world = await World.make();
  const none = `${world.models}/none`;
  assert.deepEqual((await openFolder(none).prune(EVERYTHING)).removed, []);
  assert.equal(exists(none), false);
});
