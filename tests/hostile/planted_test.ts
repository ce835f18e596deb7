/**
 * Another user who may write to the models folder puts everything that a path can name in every place where a file or
 * directory of ours is expected. Whatever is done then, foreign files stay as they are, and nothing waits.
 */

import assert from "node:assert/strict";
import { lchownSync } from "node:fs";
import { PullamaError } from "../../src/core/errors.ts";
import { parseName } from "../../src/core/name.ts";
import { folderOf } from "../../src/io/atomic.ts";
import { openQueue } from "../../src/setup/queue.ts";
import { manifestPath } from "../../src/store/layout/paths.ts";
import { BLOBS, MANIFEST } from "../store/write/small_model.ts";
import { blobOf, fetchBlob, NAME, noSignal, Witness, World } from "../store/world.ts";

/** The longest time that anything may take, with room. */
const LIMIT_MS = 10_000;
/** Of the memory, in bytes; the planted file is larger. */
const MOST_GROWTH = 500 * 2 ** 20;
const STRANGER = 54321;
const THOROUGH = Deno.env.get("PULLAMA_SOAK") !== undefined;

/** A blob that is unfinished, and one that is finished. */
const HALF = blobOf(3 * 2 ** 20, 5);
const WHOLE = BLOBS[1]!;

type Place = (world: World) => string;

const PLACES: Readonly<Record<string, Place>> = {
  ".pullm": ({ paths }) => paths.own,
  ready: ({ paths }) => paths.ready,
  tmp: ({ paths }) => paths.temporary,
  bad: ({ paths }) => paths.bad,
  wanted: ({ paths }) => paths.intents,
  "ledger.json": ({ paths }) => paths.ledger,
  "ledger.lock": ({ paths }) => paths.ledgerLock,
  "store.lock": ({ paths }) => paths.storeLock,
  "queue.json": ({ paths }) => paths.queue,
  "queue.json.tmp": ({ paths }) => `${paths.queue}.tmp`,
  "queue.lock": ({ paths }) => paths.queueLock,
  "the partial file": (world) => world.at(HALF.blob).partial,
  "the checkpoint": (world) => world.at(HALF.blob).checkpoint,
  "the positions": (world) => world.at(HALF.blob).positions,
  "the lock of a blob": (world) => world.at(HALF.blob).lock,
  "the partial file of the Go program": (world) => world.at(HALF.blob).oldPartial,
  "a blob in ready": (world) => world.at(WHOLE.blob).ready,
  "a blob": (world) => world.at(WHOLE.blob).final,
  blobs: ({ paths }) => paths.blobs,
  manifests: ({ paths }) => paths.manifests,
  "a folder of manifests": ({ paths }) => `${paths.manifests}/${NAME.host}`,
  "a manifest": ({ paths }) => manifestPath(paths, NAME),
};

/** Foreign files: one that is precious, and a folder of them. */
interface Victims {
  readonly file: string;
  readonly folder: string;
}

const KINDS: Readonly<Record<string, (path: string, victims: Victims) => void>> = {
  "a link to a file": (path, { file }) => Deno.symlinkSync(file, path),
  "a link to a folder": (path, { folder }) => Deno.symlinkSync(folder, path),
  "a link to nothing": (path) => Deno.symlinkSync("/nowhere/at/all", path),
  "a link to a device": (path) => Deno.symlinkSync("/dev/zero", path),
  "a FIFO": (path) => {
    assert.ok(new Deno.Command("mkfifo", { args: [path] }).outputSync().success);
  },
  "a directory": (path) => Deno.mkdirSync(path),
  "a sparse file of 3 GB": (path) => {
    using file = Deno.createSync(path);
    file.truncateSync(3 * 2 ** 30);
  },
  "a second name of a file": (path, { file }) => Deno.linkSync(file, path),
};

const ACTIONS: Readonly<Record<string, (world: World) => Promise<unknown>>> = {
  pull,
  list: (world) => world.folder().list(),
  show: (world) => world.folder().details(NAME),
  queue: (world) =>
    openQueue(world.models)
      .add([parseName("other")], new Date(), { signal: noSignal(), onWait() {} }),
  rm: (world) => world.folder().remove([NAME]),
  clean: (world) =>
    world.folder().clean({ models: [], dryRun: false, queue: true, signal: noSignal() }),
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

/** A folder with a model, an unfinished blob and a record of it, as an earlier pull has left it. */
async function prepared(): Promise<World> {
  const world = await World.make();
  const digests = new Set([HALF.blob.digest]);
  const intent = { name: parseName("unfinished"), digests };
  await using session = await world.folder().enter(noSignal(), () => {}, intent);
  for (const one of BLOBS) {
    if (one.blob.size < 1000) await session.put(one.blob, one.bytes);
    else await fetchBlob(session, one);
  }
  await session.commit(NAME, MANIFEST);
  await using ingest = await session.ingest(HALF.blob, noSignal(), new Witness());
  const writer = await ingest!.writer(0);
  await writer.write(HALF.bytes.subarray(0, 2 ** 20));
  writer.close();
  await ingest!.checkpoint();
  return world;
}

async function victimsIn(world: World): Promise<Victims> {
  const folder = `${world.root}/precious`;
  await Deno.mkdir(folder, { mode: 0o700 });
  const names = ["file", "library", "latest", "sha256-" + "0".repeat(64) + ".json"];
  for (const name of names) await Deno.writeTextFile(`${folder}/${name}`, name, { mode: 0o600 });
  return { file: `${folder}/file`, folder };
}

/** Names, content, mode, owner and time of everything in a folder. */
function portrait(folder: string): unknown {
  return [...Deno.readDirSync(folder)].map(({ name }) => {
    const path = `${folder}/${name}`;
    const { mode, uid, gid, mtime, size } = Deno.statSync(path);
    return { name, mode, uid, gid, mtime, size, text: Deno.readTextFileSync(path) };
  }).sort((a, b) => a.name < b.name ? -1 : 1);
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
    name: `whatever another user puts in the place of ${place}, foreign files stay as they are`,
    ignore: Deno.build.os === "windows",
    async fn(t) {
      const { rss } = Deno.memoryUsage();
      for (const [kind, plant] of Object.entries(KINDS)) {
        await t.step(kind, async () => {
          const all = Object.entries(ACTIONS);
          // One after another in one folder is faster; each in a folder of its own finds more.
          for (const actions of THOROUGH ? all.map((one) => [one]) : [all]) {
            await using world = await prepared();
            const victims = await victimsIn(world);
            const path = pathOf(world);
            await Deno.remove(path, { recursive: true }).catch(() => {});
            await Deno.mkdir(folderOf(path), { recursive: true });
            plant(path, victims);
            const planted = Deno.lstatSync(path);
            const ours = planted.nlink === 1 || planted.isDirectory;
            if (Deno.uid() === 0 && ours) lchownSync(path, STRANGER, STRANGER);
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
