/** The steps of cleaning; each leaves what another process is using. */

import type { Digest } from "../../core/digest.ts";
import type { CleanItem, CleanKind, LeftItem } from "../../core/reports/clean.ts";
import type { Disk } from "../../io/disk.ts";
import { isExisting, isMissing } from "../../io/file_error.ts";
import { holderOf, tryLock, tryLockExisting, waitLock } from "../../io/lock.ts";
import { statOf } from "../../io/stat.ts";
import type { CleanScope } from "./scope.ts";
import type { Exclusive } from "../layout/exclusive.ts";
import {
  claimBlob,
  type Unfinished,
  type UnfinishedBlob,
  type UnfinishedFile,
  unfinishedFile,
} from "../layout/unfinished.ts";
import type { Folder } from "../layout/folder.ts";
import { blobPaths } from "../layout/paths.ts";
import type { StoredIntent } from "../layout/intents.ts";

export interface CleanWork {
  readonly folder: Folder;
  readonly dryRun: boolean;
  readonly intents: readonly StoredIntent[];
  /** Undefined: everything. */
  readonly scope: CleanScope | undefined;
  /** Files that were written to later are left, in milliseconds since 1970, and these blobs. */
  readonly before: number;
  readonly young: ReadonlySet<Digest>;
  readonly exclusive: Exclusive;
  /** Models that are being pulled, with the holder of the lock. */
  readonly active: ReadonlyMap<StoredIntent, string | undefined>;
  readonly removed: CleanItem[];
  readonly left: LeftItem[];
}

/** The blob and the models that files belong to, as far as that is known. */
type Owner = Partial<Pick<CleanItem, "digest" | "models">>;

/** Removes what is unfinished of one blob. */
export async function cleanBlob(work: CleanWork, blob: UnfinishedBlob): Promise<void> {
  const { folder: { disk, paths }, dryRun, scope, exclusive, active } = work;
  const { digest, bad, own, waiting, locks } = blob;
  const data = [...own, ...waiting];
  const intents = work.intents.filter(({ needs }) => needs.has(digest));
  const owner = { digest, models: intents.map(({ name }) => name) };
  if (scope && !scope.digests.has(digest)) {
    if (scope.incomplete && intents.length === 0) leave(work, "unfinished", data, owner, "unknown");
    return;
  }
  const all = [...data, ...bad];
  if (work.young.has(digest)) return leave(work, "unfinished", all, owner, "young");
  if (all.length + locks.length === 0) return;
  const busy = intents.find((intent) => active.has(intent));
  if (busy) {
    const models = [busy.name];
    return leave(work, "unfinished", all, { digest, models }, "busy", active.get(busy));
  }
  const others = intents.filter((intent) => scope && !scope.intents.has(intent));
  if (others.length > 0) {
    const models = others.map(({ name }) => name);
    return leave(work, "unfinished", all, { digest, models }, "wanted");
  }
  const { lock } = blobPaths(paths, digest);
  // While no pull is running a missing lock file is no held lock; on a full disk none can be made.
  const ownership = exclusive.held && !locks.some(({ path }) => path === lock)
    ? undefined
    : exclusive.ownership;
  using claim = await claimBlob(paths, digest, ownership);
  if (!claim) return leave(work, "unfinished", all, owner, "busy", await holderOf(lock));
  await remove(work, "damaged", bad, owner);
  const goes = exclusive.held ? data : own;
  await remove(work, goes.length > 0 ? "unfinished" : "records", [...goes, ...locks], owner);
  // It may have been made just now.
  if (!dryRun) await disk.remove(lock);
  if (!exclusive.held) leave(work, "unfinished", waiting, owner, "busy", exclusive.holder);
}

/** Removes what belongs to no blob and to no model. */
export async function cleanLoose(
  work: CleanWork,
  unfinished: Unfinished,
): Promise<void> {
  const { exclusive, before } = work;
  const old = ({ modifiedMs }: UnfinishedFile) => modifiedMs <= before;
  const temporary = unfinished.temporary.filter(old);
  await remove(work, "damaged", unfinished.bad.filter(old));
  if (exclusive.held) await remove(work, "temporary", temporary);
  else leave(work, "temporary", temporary, {}, "busy", exclusive.holder);
  // A pull that has just begun makes its lock before its record.
  if (!exclusive.held) return;
  for (const lock of unfinished.locks.filter(old)) {
    // The pull that it belonged to may have removed it.
    using guard = await tryLockExisting(lock.path).catch((error) => {
      if (!isMissing(error)) throw error;
      return undefined;
    });
    if (guard) await remove(work, "records", [lock]);
  }
}

/** Removes the intents in scope, unless blobs of theirs are in use. */
export async function cleanIntents(work: CleanWork): Promise<void> {
  const { intents, scope, active, left, before } = work;
  const inUse = new Set(
    left.flatMap(({ why, digest }) => (why === "busy" || why === "young") && digest ? digest : []),
  );
  for (const intent of intents) {
    if (active.has(intent) || (scope && !scope.intents.has(intent))) continue;
    if (!intent.needs.isDisjointFrom(inUse)) continue;
    const files = (await Promise.all([intent.path, intent.lock].map(unfinishedFile)))
      .filter((file) => file !== undefined);
    if (files.every(({ modifiedMs }) => modifiedMs <= before)) await remove(work, "records", files);
  }
}

/**
 * Removes the queue, unless a process is pulling it. Waits for a process that is changing it; rejects with the
 * reason of the signal.
 */
export async function cleanQueue(work: CleanWork, signal: AbortSignal): Promise<void> {
  const { folder: { paths }, dryRun, exclusive } = work;
  if (await unfinishedFile(paths.queue) === undefined) return;
  const { ownership } = exclusive;
  using _lock = ownership && await waitLock(paths.queueLock, { ownership, signal, onWait() {} });
  const files = (await Promise.all([paths.queue, `${paths.queue}.tmp`].map(unfinishedFile)))
    .filter((file) => file !== undefined);
  if (await statOf(paths.runnerLock)) {
    using runner = await (dryRun ? tryLockExisting : tryLock)(paths.runnerLock);
    if (!runner) return leave(work, "queue", files, {}, "busy", await holderOf(paths.runnerLock));
  }
  await remove(work, "queue", files);
}

/** Removes `files` in this order and reports it; in a dry run it only reports. */
export async function remove(
  work: CleanWork,
  kind: CleanKind,
  files: readonly UnfinishedFile[],
  owner: Owner = {},
): Promise<void> {
  const gone: UnfinishedFile[] = [];
  for (const file of files) {
    if (work.dryRun || await isRemoved(work.folder.disk, file)) gone.push(file);
  }
  if (gone.length > 0) work.removed.push(itemOf(kind, gone, owner));
}

/** Reports that `files` are left, if there are any. */
export function leave(
  work: CleanWork,
  kind: CleanKind,
  files: readonly UnfinishedFile[],
  owner: Owner,
  why: LeftItem["why"],
  holder?: string,
): void {
  if (files.length === 0) return;
  const who = holder === undefined ? {} : { holder };
  work.left.push({ ...itemOf(kind, files, owner), why, ...who });
}

/** A folder that is not empty is kept: its files are not ours. */
async function isRemoved(disk: Disk, { path, isFolder }: UnfinishedFile): Promise<boolean> {
  if (!isFolder) {
    await disk.remove(path);
    return true;
  }
  try {
    await disk.removeFolder(path);
    return true;
  } catch (error) {
    if (isExisting(error)) return false;
    throw error;
  }
}

function itemOf(kind: CleanKind, files: readonly UnfinishedFile[], owner: Owner): CleanItem {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return { kind, models: [], ...owner, files: files.length, bytes };
}
