/**
 * Another user who may write to the models folder puts everything that a path can name in every place where a file or
 * directory of ours is expected. Whatever is done then, foreign files stay as they are, and nothing waits.
 */

import assert from "node:assert/strict";
import { lchownSync } from "node:fs";
import { PullamaError } from "../../src/core/errors.ts";
import { parseName } from "../../src/core/name.ts";
import { openCopier } from "../../src/setup/local/copy.ts";
import { openPusher } from "../../src/setup/push/push.ts";
import { openQueue } from "../../src/setup/queue.ts";
import { startUploadRegistry } from "../fakes/upload_registry.ts";
import { BLOBS, MANIFEST } from "../store/write/small_model.ts";
import { fetchBlob, NAME, noSignal, Witness, World } from "../store/world.ts";
import { drawn, SEED, THOROUGH } from "../seed.ts";
import { HALF, KINDS, PLACES, plant, portrait, prepare, victimsIn } from "./planting.ts";
import { needing } from "../needs.ts";

/** The longest time that anything may take, with room. */
const LIMIT_MS = 10_000;
/** Of the memory, in bytes; the planted file is larger. */
const MOST_GROWTH = 500 * 2 ** 20;
const STRANGER = 54321;
/** What differs most, of which some are drawn for each place; all of it takes minutes. */
const USUAL: readonly (keyof typeof KINDS)[] = [
  "a link to a file",
  "a link to a folder",
  "a link to a device",
  "a FIFO",
  "a directory",
  "a sparse file of 3 GB",
  "a second name of a file",
];

const ACTIONS: Readonly<Record<string, (world: World) => Promise<unknown>>> = {
  pull,
  list: (world) => world.folder().list(),
  show: (world) => world.folder().details(NAME),
  verify: (world) =>
    world.folder().verify({ names: [], full: true }, {
      signal: noSignal(),
      onFinding() {},
      onProgress() {},
    }),
  queue: (world) =>
    openQueue(world.models)
      .add([parseName("other")], new Date(), { signal: noSignal(), onWait() {} }),
  "cp from it": (world) => copy(world.models, `${world.root}/copy`),
  async controls(world) {
    await world.folder().partial();
    await world.folder().controls();
    await world.folder().limit(1000);
    await world.folder().pause(true);
    await world.folder().limit(undefined);
    await world.folder().pause(false);
  },
  push,
  rm: (world) => world.folder().remove([NAME]),
  async "cp into it"(world) {
    await using other = await World.make();
    await pull(other);
    await copy(other.models, world.models);
  },
  prune: (world) => world.folder().prune({ dryRun: false, all: true }),
  clean: (world) =>
    world.folder().clean({ models: [], dryRun: false, queue: true, signal: noSignal() }),
};

async function copy(from: string, modelsDir: string): Promise<void> {
  const { signal } = new AbortController();
  const stop = { soft: signal, hard: signal };
  await using copier = await openCopier({ from, modelsDir, force: true }, stop);
  await copier.pull(NAME, () => {});
}

async function push(world: World): Promise<void> {
  await using registry = await startUploadRegistry();
  const options = {
    ...PUSH,
    modelsDir: world.models,
    to: new URL(registry.url),
  };
  await using pusher = await openPusher(options, noSignal());
  await pusher.push(NAME, () => {});
}

const PUSH = {
  mirrors: [],
  connections: 2,
  chunkSize: 2 ** 20,
  timeoutMs: 60_000,
  maxRetries: 0,
  retryForMs: 0,
  tokenHosts: [],
  dryRun: false,
};

async function pull(world: World): Promise<void> {
  const intent = { name: NAME, digests: new Set([HALF.blob.digest]) };
  await using session = await world.folder().enter(noSignal(), () => {}, intent);
  for (const one of [...BLOBS, HALF]) {
    if (await session.verifyOrQuarantine(one.blob, noSignal(), new Witness())) continue;
    if (one.blob.size < 1000) await session.put(one.blob, one.bytes);
    else await fetchBlob(session, one);
  }
  await session.commit(NAME, MANIFEST);
}

async function withinLimit(action: Promise<unknown>): Promise<unknown> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`not done after ${LIMIT_MS} ms`)), LIMIT_MS);
  try {
    await Promise.race([action, late.promise]);
    return undefined;
  } catch (error) {
    return error;
  } finally {
    clearTimeout(timer);
  }
}

for (const [place, pathOf] of Object.entries(PLACES)) {
  Deno.test({
    ...needing(
      ["symbolic links"],
      `whatever another user puts in the place of ${place}, foreign files stay as they are`,
    ),
    async fn(t) {
      const { rss } = Deno.memoryUsage();
      console.log(`seed ${SEED}`);
      for (const kind of drawn(THOROUGH ? Object.keys(KINDS) : USUAL, THOROUGH ? 0.5 : 0.15)) {
        await t.step(kind, async () => {
          const all = Object.entries(ACTIONS);
          // One after another in one folder is faster; each in a folder of its own finds more.
          for (const actions of THOROUGH ? all.map((one) => [one]) : [all]) {
            await using world = await World.make();
            await prepare(world, NAME, MANIFEST, BLOBS);
            const victims = await victimsIn(world.root);
            const { paths } = world;
            const path = pathOf({ paths, name: NAME, whole: BLOBS[1]!.blob.digest });
            const own = plant(kind, path, victims);
            if (Deno.uid() === 0 && own) lchownSync(path, STRANGER, STRANGER);
            const before = portrait(victims.folder);
            for (const [name, act] of actions) {
              const error = await withinLimit(act(world));
              const what = `${name}: ${String(error)}`;
              assert.ok(error === undefined || error instanceof PullamaError, what);
              assert.deepEqual(portrait(victims.folder), before, what);
            }
          }
        });
      }
      const grown = Deno.memoryUsage().rss - rss;
      assert.ok(grown < MOST_GROWTH, `${grown} bytes`);
    },
  });
}
