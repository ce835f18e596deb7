/** What interrupted pulls left in the models folder, ours and those of the Go program: all of it can be downloaded again. */

import { type Digest, isDigest } from "../../core/digest.ts";
import type { Ownership } from "../../io/disk.ts";
import { HELD } from "../../io/heartbeat_lock.ts";
import { guardData, tryLock, tryLockExisting } from "../../io/lock.ts";
import { lstatOf, namesIn } from "../../io/stat.ts";
import { blobPaths, type DownloadPaths, type Paths } from "./paths.ts";
import { requireDirectory } from "./directory.ts";

/** One file and the bytes that its removal frees. */
export interface UnfinishedFile {
  readonly path: string;
  readonly bytes: number;
  /** When it was last written to, in milliseconds since 1970. */
  readonly modifiedMs: number;
  readonly isFolder?: true;
}

/** The files of one blob that is not finished, or does not have its final name yet. */
export interface UnfinishedBlob {
  readonly digest: Digest;
  /** Protected by the lock of the blob, in order of removal: the records of bytes before the bytes. */
  readonly own: readonly UnfinishedFile[];
  /** Not protected by a lock: only to be removed while no pull is running. */
  readonly waiting: readonly UnfinishedFile[];
  /** Files whose content did not match their digest. */
  readonly bad: readonly UnfinishedFile[];
  readonly locks: readonly UnfinishedFile[];
}

export interface Unfinished {
  /** Sorted by digest. */
  readonly blobs: readonly UnfinishedBlob[];
  /** Drafts: files and empty folders that were about to be renamed. */
  readonly temporary: readonly UnfinishedFile[];
  /** Notes of uploads, and their locks. */
  readonly uploads: readonly UnfinishedFile[];
  /** Files in bad/ without a digest in their name. */
  readonly bad: readonly UnfinishedFile[];
  /** Lock files that belong to no blob: that of the Go program, and those of models whose intent is gone. */
  readonly locks: readonly UnfinishedFile[];
}

type Part = keyof Omit<UnfinishedBlob, "digest">;

const HEX = "(sha256-[0-9a-f]{64})";
/** What a process leaves that is killed where files cannot be locked. */
const LEFT = `\\.lock\\${HELD}.*`;
const LEFT_LOCK = new RegExp(`${LEFT}$`);
const INTENT_LOCK = /^([0-9a-f]{64})\.lock$/;
/** Names by folder; files of `own` are removed in this order. */
const OURS: readonly (readonly [RegExp, Part])[] = [
  [new RegExp(`^${HEX}\\.json$`), "own"],
  [new RegExp(`^${HEX}\\.json\\.tmp$`), "own"],
  [new RegExp(`^${HEX}\\.live$`), "own"],
  [new RegExp(`^${HEX}\\.partial$`), "own"],
  [new RegExp(`^${HEX}(?:\\.lock|${LEFT})$`), "locks"],
];
const IN_BLOBS: readonly (readonly [RegExp, Part])[] = [
  // The second is the draft of a copy from another file system.
  [new RegExp(`^${HEX}(?:-[0-9a-f-]{36})?\\.partial$`), "waiting"],
  [new RegExp(`^${HEX}\\.lock$`), "locks"],
];
const IN_READY: readonly (readonly [RegExp, Part])[] = [[new RegExp(`^${HEX}$`), "waiting"]];
/** A draft beside its place, on a file system of its own. */
const BESIDE = /^\.pullm-[0-9a-f]{8}-[0-9a-f-]{27}$/;
/** Downloads in the former folder: they are not continued. */
const FORMER = OURS.map(([name, part]) => [name, part === "own" ? "waiting" : part] as const);
const IN_BAD: readonly (readonly [RegExp, Part])[] = [[new RegExp(`^${HEX}-`), "bad"]];

/** All of it in the models folder. Links are never followed. Rejects with kind local. */
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
  const temporary: UnfinishedFile[] = [];
  const collectBeside = async ({ ready, bad, temporary: drafts }: DownloadPaths) => {
    if (await isFolder(ready)) await collect(ready, IN_READY);
    if (await isFolder(bad)) await collect(bad, IN_BAD, unnamed);
    if (await isFolder(drafts)) await collect(drafts, [], temporary);
  };
  await collect(paths.own, OURS);
  await collect(paths.blobs, IN_BLOBS);
  await collectBeside(paths);
  const { former } = paths;
  if (former && await isFolder(former.own)) {
    await collect(former.own, FORMER);
    await collectBeside(former);
  }
  const { root, manifests, queueFolder, own } = paths;
  for (const folder of new Set([root, manifests, paths.blobs, own, queueFolder])) {
    await loose(folder, BESIDE);
  }
  async function loose(folder: string, kind: RegExp): Promise<void> {
    for (const name of await namesIn(folder)) {
      const file = kind.test(name) && await unfinishedFile(`${folder}/${name}`);
      if (file) temporary.push(file);
    }
  }

  if (await isFolder(paths.parts)) {
    for (const name of (await namesIn(paths.parts)).sort()) {
      const needed = [paths.blobs, paths.ready].map((folder) => lstatOf(`${folder}/${name}`));
      const file = await unfinishedFile(`${paths.parts}/${name}`);
      const isBad = blobs.get(name.replace("-", ":") as Digest)?.bad.length;
      if (file && !isBad && !(await Promise.all(needed)).some((one) => one)) temporary.push(file);
    }
  }
  const uploads: UnfinishedFile[] = [];
  if (await isFolder(paths.uploads)) await collect(paths.uploads, [], uploads);
  const locks: UnfinishedFile[] = [];
  const collectLock = async (path: string) => {
    const file = await unfinishedFile(path);
    if (file && !file.isFolder) locks.push(file);
  };
  await collectLock(paths.oldRemoveLock);
  if (await isFolder(paths.intents)) {
    await loose(paths.intents, LEFT_LOCK);
    const names = new Set(await namesIn(paths.intents));
    for (const name of names) {
      const intent = INTENT_LOCK.exec(name)?.[1];
      const isAlone = intent !== undefined && !names.has(`${intent}.json`);
      if (isAlone) await collectLock(`${paths.intents}/${name}`);
    }
  }
  const sorted = [...blobs].sort(([a], [b]) => a < b ? -1 : 1);
  return {
    blobs: sorted.map(([digest, left]) => ({ digest, ...left })),
    temporary,
    uploads,
    bad: unnamed.filter(({ isFolder }) => !isFolder),
    locks,
  };
}

/** The file at `path` itself, were it a link; undefined: none. A file with another hard link frees no bytes. */
export async function unfinishedFile(path: string): Promise<UnfinishedFile | undefined> {
  const info = await lstatOf(path);
  if (!info) return undefined;
  const modifiedMs = info.mtime?.getTime() ?? 0;
  if (info.isDirectory) return { path, bytes: 0, modifiedMs, isFolder: true };
  if ((info.nlink ?? 1) > 1) return { path, bytes: 0, modifiedMs };
  // A partial file is sparse.
  const sparse = path.endsWith(".partial") && info.blocks !== null;
  const bytes = sparse ? Math.min(info.size, info.blocks! * 512) : info.size;
  return { path, bytes, modifiedMs };
}

/**
 * Locks the blob until the result is disposed. Undefined: another process is using it. Without `ownership` for
 * the lock file it only checks that, and makes no file.
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
  // The files that this program and the Go program lock.
  const locks = [...(ownership ? [] : [at.lock]), at.oldLock];
  for (const path of [...locks, at.partial]) {
    if (!(await lstatOf(path))?.isFile) continue;
    const guard = await (path === at.partial ? guardData : tryLockExisting)(path);
    if (!guard) return undefined;
    claims.use(guard);
  }
  return claims.move();
}

async function isFolder(path: string): Promise<boolean> {
  return (await lstatOf(path))?.isDirectory ?? false;
}
