/** What another user who may write to a models folder can put there, and where. */

import assert from "node:assert/strict";
import type { Digest } from "../../src/core/digest.ts";
import type { Manifest } from "../../src/core/manifest.ts";
import { type ModelName, parseName } from "../../src/core/name.ts";
import { folderOf } from "../../src/io/atomic.ts";
import { blobPaths, manifestPath, type Paths } from "../../src/store/layout/paths.ts";
import {
  blobOf,
  fetchBlob,
  leaveUnfinished,
  noSignal,
  type TestBlob,
  type World,
} from "../store/world.ts";
import { linkTo } from "../fakes/link.ts";

/** A blob that is unfinished. */
export const HALF: TestBlob = blobOf(3 * 2 ** 20, 5);
const HALF_LENGTH = 2 ** 20;

/** What paths depend on: a folder, an installed model, a finished blob. */
export interface Planted {
  readonly paths: Paths;
  readonly name: ModelName;
  readonly whole: Digest;
}

type Place = (planted: Planted) => string;

const half = (of: keyof ReturnType<typeof blobPaths>): Place => ({ paths }) =>
  blobPaths(paths, HALF.blob.digest)[of];

/** A file of `ollama pull`, which is only looked at where there is no partial file. */
function withoutPartial({ paths }: Planted, ending: string): string {
  const { partial, final } = blobPaths(paths, HALF.blob.digest);
  try {
    Deno.removeSync(partial);
  } catch {
    // Another place has it, or nothing is there.
  }
  return `${final}${ending}`;
}

export const PLACES: Readonly<Record<string, Place>> = {
  ".pullm": ({ paths }) => paths.own,
  ready: ({ paths }) => paths.ready,
  tmp: ({ paths }) => paths.temporary,
  bad: ({ paths }) => paths.bad,
  wanted: ({ paths }) => paths.intents,
  uploads: ({ paths }) => paths.uploads,
  replaced: ({ paths }) => paths.replaced,
  "ledger.json": ({ paths }) => paths.ledger,
  "ledger.lock": ({ paths }) => paths.ledgerLock,
  "store.lock": ({ paths }) => paths.storeLock,
  "queue.json": ({ paths }) => paths.queue,
  "queue.json.tmp": ({ paths }) => `${paths.queue}.tmp`,
  "queue.lock": ({ paths }) => paths.queueLock,
  limit: ({ paths }) => paths.limit,
  paused: ({ paths }) => paths.paused,
  "the partial file": half("partial"),
  "the checkpoint": half("checkpoint"),
  "the positions": half("positions"),
  "the lock of a blob": half("lock"),
  "the partial file of the Go program": half("oldPartial"),
  parts: ({ paths }) => paths.parts,
  "the parts of a blob": half("parts"),
  "the data of ollama pull": (planted) => withoutPartial(planted, "-partial"),
  "a record of ollama pull": (planted) => withoutPartial(planted, "-partial-0"),
  "the file of a model with tensors": (planted) => withoutPartial(planted, ".tmp"),
  "a blob in ready": ({ paths, whole }) => blobPaths(paths, whole).ready,
  "a blob": ({ paths, whole }) => blobPaths(paths, whole).final,
  blobs: ({ paths }) => paths.blobs,
  manifests: ({ paths }) => paths.manifests,
  "a folder of manifests": ({ paths, name }) => `${paths.manifests}/${name.host}`,
  "a manifest": ({ paths, name }) => manifestPath(paths, name),
};

/** Foreign files: one that is precious, and a folder of them. */
export interface Victims {
  readonly file: string;
  readonly folder: string;
}

export const KINDS: Readonly<Record<string, (path: string, victims: Victims) => void>> = {
  "a link to a file": (path, { file }) => linkTo(file, path),
  "a link to a folder": (path, { folder }) => linkTo(folder, path),
  "a link to nothing": (path) => linkTo("/nowhere/at/all", path),
  "a link to a device": (path) => linkTo("/dev/zero", path),
  "a FIFO": (path) => run("mkfifo", path),
  "a socket": (path) => {
    // The name of a socket is short: it is bound from its folder.
    const args = ["eval", SOCKET, path.slice(folderOf(path).length + 1)];
    const cwd = folderOf(path);
    assert.ok(new Deno.Command(Deno.execPath(), { args, cwd }).outputSync().success);
  },
  // Of zeros without an end; who may not make one makes a FIFO.
  "a device": (path) => Deno.uid() === 0 ? run("mknod", path, "c", "1", "5") : run("mkfifo", path),
  "a file of another user": (path) => Deno.writeTextFileSync(path, "[".repeat(5000)),
  "a directory": (path) => Deno.mkdirSync(path),
  "a sparse file of 3 GB": (path) => {
    using file = Deno.createSync(path);
    file.truncateSync(3 * 2 ** 30);
  },
  "a second name of a file": (path, { file }) => Deno.linkSync(file, path),
};

const SOCKET = 'Deno.listen({ transport: "unix", path: Deno.args[0] }); Deno.exit()';

function run(command: string, ...args: string[]): void {
  assert.ok(new Deno.Command(command, { args }).outputSync().success, command);
}

/** Replaces what is at `path`, and returns whether that is a file of its own. */
export function plant(kind: keyof typeof KINDS, path: string, victims: Victims): boolean {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch {
    // Nothing was there.
  }
  Deno.mkdirSync(folderOf(path), { recursive: true });
  KINDS[kind]!(path, victims);
  const { nlink, isDirectory } = Deno.lstatSync(path);
  return nlink === 1 || isDirectory;
}

/** Puts a model of `blobs`, an unfinished blob and a record of it into `world`, as an earlier pull has left them. */
export async function prepare(
  world: World,
  name: ModelName,
  manifest: Manifest,
  blobs: readonly TestBlob[],
): Promise<void> {
  const digests = new Set([HALF.blob.digest]);
  const intent = { name: parseName("unfinished"), digests };
  await using session = await world.folder().enter(noSignal(), () => {}, intent);
  for (const one of blobs) {
    if (one.blob.size < 1000) await session.put(one.blob, one.bytes);
    else await fetchBlob(session, one);
  }
  await session.commit(name, manifest);
  await leaveUnfinished(session, HALF, { start: 0, end: HALF_LENGTH });
}

/** Makes them in `root`. */
export async function victimsIn(root: string): Promise<Victims> {
  const folder = `${root}/precious`;
  await Deno.mkdir(folder, { mode: 0o700 });
  const names = ["file", "library", "latest", "sha256-" + "0".repeat(64) + ".json"];
  for (const name of names) await Deno.writeTextFile(`${folder}/${name}`, name, { mode: 0o600 });
  return { file: `${folder}/file`, folder };
}

/** Names, content, mode, owner and time of everything in a folder, and its own. */
export function portrait(folder: string): unknown {
  const { mode, uid, gid } = Deno.statSync(folder);
  const files = [...Deno.readDirSync(folder)].map(({ name }) => {
    const path = `${folder}/${name}`;
    const { mode, uid, gid, mtime, size } = Deno.statSync(path);
    return { name, mode, uid, gid, mtime, size, text: Deno.readTextFileSync(path) };
  });
  return { mode, uid, gid, files: files.sort((a, b) => a.name < b.name ? -1 : 1) };
}
