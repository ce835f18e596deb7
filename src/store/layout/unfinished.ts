/** What pulls have left unfinished, ours and those of the Go program: everything that may be removed and fetched again. */

import { type Digest, isDigest } from "../../core/digest.ts";
import type { Ownership } from "../../io/disk.ts";
import { fileError, isMissing } from "../../io/file_error.ts";
import { tryLock, tryLockExisting } from "../../io/lock.ts";
import { namesIn } from "../../io/stat.ts";
import { blobPaths, type Paths } from "./paths.ts";
import { requireDirectory } from "./ownership.ts";

/** One file and the bytes that come free with it. */
export interface UnfinishedFile {
  readonly path: string;
  readonly bytes: number;
  readonly isFolder?: true;
}

/** What is there of one blob that is not finished, or has not got its final name. */
export interface UnfinishedBlob {
  readonly digest: Digest;
  /** Guarded by the lock of the blob, in the order in which they go: what speaks of bytes before the bytes. */
  readonly own: readonly UnfinishedFile[];
  /** Only to be removed while no pull is running: nobody holds a lock on these. */
  readonly waiting: readonly UnfinishedFile[];
  /** Content that was not what its name said. */
  readonly bad: readonly UnfinishedFile[];
  readonly locks: readonly UnfinishedFile[];
}

export interface Unfinished {
  /** Sorted by digest. */
  readonly blobs: readonly UnfinishedBlob[];
  /** Files and empty folders that were about to be renamed. */
  readonly temporary: readonly UnfinishedFile[];
  /** Files from blobs/ whose names say nothing. */
  readonly bad: readonly UnfinishedFile[];
  /** The lock file of the Go program that no blob has. */
  readonly locks: readonly UnfinishedFile[];
}

type Part = keyof Omit<UnfinishedBlob, "digest">;

const HEX = "(sha256-[0-9a-f]{64})";
/** The names to look for, by folder; what comes first in `own` is removed first. */
const OURS: readonly (readonly [RegExp, Part])[] = [
  [new RegExp(`^${HEX}\\.json$`), "own"],
  [new RegExp(`^${HEX}\\.json\\.tmp$`), "own"],
  [new RegExp(`^${HEX}\\.live$`), "own"],
  [new RegExp(`^${HEX}\\.partial$`), "own"],
  [new RegExp(`^${HEX}\\.lock$`), "locks"],
];
const IN_BLOBS: readonly (readonly [RegExp, Part])[] = [
  [new RegExp(`^${HEX}\\.partial$`), "waiting"],
  [new RegExp(`^${HEX}\\.lock$`), "locks"],
];
const IN_READY: readonly (readonly [RegExp, Part])[] = [[new RegExp(`^${HEX}$`), "waiting"]];
const IN_BAD: readonly (readonly [RegExp, Part])[] = [[new RegExp(`^${HEX}-`), "bad"]];

/** Everything of that kind in the models folder. Links are never followed. Rejects with kind local. */
export async function unfinishedIn(paths: Paths): Promise<Unfinished> {
  await requireDirectory(paths.root);
  const blobs = new Map<Digest, Record<Part, UnfinishedFile[]>>();
  const unnamed: UnfinishedFile[] = [];
  const collect = async (
    folder: string,
    kinds: readonly (readonly [RegExp, Part])[],
    other?: UnfinishedFile[],
  ) => {
    const names = (await namesIn(folder)).sort();
    for (const [pattern, part] of kinds) {
      for (const name of names) {
        const digest = pattern.exec(name)?.[1]?.replace("-", ":");
        if (!isDigest(digest)) continue;
        const file = await unfinishedFile(`${folder}/${name}`);
        if (!file || file.isFolder) continue;
        const left = blobs.get(digest) ?? { own: [], waiting: [], bad: [], locks: [] };
        blobs.set(digest, left);
        left[part].push(file);
      }
    }
    if (!other) return;
    for (const name of names.filter((name) => !kinds.some(([kind]) => kind.test(name)))) {
      const file = await unfinishedFile(`${folder}/${name}`);
      if (file) other.push(file);
    }
  };
  await collect(paths.own, OURS);
  await collect(paths.blobs, IN_BLOBS);
  if (await isFolder(paths.ready)) await collect(paths.ready, IN_READY);
  if (await isFolder(paths.bad)) await collect(paths.bad, IN_BAD, unnamed);
  const temporary: UnfinishedFile[] = [];
  if (await isFolder(paths.temporary)) await collect(paths.temporary, [], temporary);
  const lock = await unfinishedFile(paths.oldRemoveLock);
  const sorted = [...blobs].sort(([a], [b]) => a < b ? -1 : 1);
  return {
    blobs: sorted.map(([digest, left]) => ({ digest, ...left })),
    temporary,
    bad: unnamed.filter(({ isFolder }) => !isFolder),
    locks: lock && !lock.isFolder ? [lock] : [],
  };
}

/** The file at `path` itself, were it a link; undefined: none. Another name of the same file keeps its bytes. */
export async function unfinishedFile(path: string): Promise<UnfinishedFile | undefined> {
  const info = await lstatOf(path);
  if (!info) return undefined;
  if (info.isDirectory) return { path, bytes: 0, isFolder: true };
  if ((info.nlink ?? 1) > 1) return { path, bytes: 0 };
  // An unfinished blob has gaps, which take no room.
  const sparse = path.endsWith(".partial") && info.blocks !== null;
  return { path, bytes: sparse ? Math.min(info.size, info.blocks! * 512) : info.size };
}

/**
 * Makes sure that nobody is at work on the blob until the result is disposed. Undefined: somebody is. Without
 * a `look` for the lock file it is only found out, and none is made.
 */
export async function claimBlob(
  paths: Paths,
  digest: Digest,
  ownership: Ownership | undefined,
): Promise<Disposable | undefined> {
  const at = blobPaths(paths, digest);
  using claims = new DisposableStack();
  if (ownership) {
    const lock = await tryLock(at.lock, { ownership });
    if (!lock) return undefined;
    claims.use(lock);
  }
  // In the one program and the other.
  for (const path of [...(ownership ? [] : [at.lock]), at.partial, at.oldLock]) {
    if (!await lstatOf(path)) continue;
    const guard = await tryLockExisting(path);
    if (!guard) return undefined;
    claims.use(guard);
  }
  return claims.move();
}

async function isFolder(path: string): Promise<boolean> {
  return (await lstatOf(path))?.isDirectory ?? false;
}

async function lstatOf(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw fileError(error, "read", path);
  }
}
