/** The steps of cleaning, each of which leaves what somebody is at work on. */

import type { CleanItem, CleanKind, LeftItem } from "../../core/reports/clean.ts";
import type { Disk } from "../../io/disk.ts";
import { isExisting } from "../../io/file_error.ts";
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
import { blobPaths, type Paths } from "../layout/paths.ts";
import type { StoredIntent } from "../layout/intents.ts";

export interface CleanWork {
  readonly disk: Disk;
  readonly paths: Paths;
  readonly dryRun: boolean;
  readonly intents: readonly StoredIntent[];
  /** Undefined: everything. */
  readonly chosen: CleanScope | undefined;
  readonly exclusive: Exclusive;
  /** Models that are being pulled, with who does it. */
  readonly atWork: ReadonlyMap<StoredIntent, string | undefined>;
  readonly removed: CleanItem[];
  readonly left: LeftItem[];
}

/** Whose it is, as far as that is known. */
type Owner = Partial<Pick<CleanItem, "digest" | "models">>;

/** Removes what is there of one blob. */
export async function cleanBlob(work: CleanWork, blob: UnfinishedBlob): Promise<void> {
  const { disk, paths, dryRun, intents, chosen, exclusive, atWork } = work;
  const { digest, bad, own, waiting, locks } = blob;
  const data = [...own, ...waiting];
  const notes = intents.filter(({ digests }) => digests.has(digest));
  const owner = { digest, models: notes.map(({ name }) => name) };
  if (chosen && !chosen.digests.has(digest)) {
    if (chosen.incomplete && notes.length === 0) leave(work, "unfinished", data, owner, "unknown");
    return;
  }
  await remove(work, "damaged", bad, owner);
  if (data.length + locks.length === 0) return;
  const busy = notes.find((note) => atWork.has(note));
  if (busy) {
    const models = [busy.name];
    return leave(work, "unfinished", data, { digest, models }, "busy", atWork.get(busy));
  }
  const others = notes.filter((note) => chosen && !chosen.notes.has(note));
  if (others.length > 0) {
    const models = others.map(({ name }) => name);
    return leave(work, "unfinished", data, { digest, models }, "wanted");
  }
  const { lock } = blobPaths(paths, digest);
  // Nobody can hold a lock that is not there while no pull is running; on a full disk none can be made.
  const ownership = exclusive.held && !locks.some(({ path }) => path === lock)
    ? undefined
    : exclusive.ownership;
  using claim = await claimBlob(paths, digest, ownership);
  if (!claim) return leave(work, "unfinished", data, owner, "busy", await holderOf(lock));
  const goes = exclusive.held ? data : own;
  await remove(work, goes.length > 0 ? "unfinished" : "records", [...goes, ...locks], owner);
  // The claim may have made it.
  if (!dryRun) await disk.remove(lock);
  if (!exclusive.held) leave(work, "unfinished", waiting, owner, "busy", exclusive.holder);
}

/** Removes what belongs to no blob and no model. */
export async function cleanLoose(
  work: CleanWork,
  { temporary, bad, locks }: Unfinished,
): Promise<void> {
  const { exclusive } = work;
  await remove(work, "damaged", bad);
  if (exclusive.held) await remove(work, "temporary", temporary);
  else leave(work, "temporary", temporary, {}, "busy", exclusive.holder);
  for (const lock of locks) {
    using guard = await tryLockExisting(lock.path);
    if (guard) await remove(work, "records", [lock]);
  }
}

/** Removes the notes of all models, or of the chosen ones, unless something of theirs was left. */
export async function cleanNotes(work: CleanWork): Promise<void> {
  const { intents, chosen, atWork, left } = work;
  const inUse = new Set(left.flatMap(({ why, digest }) => why === "busy" && digest ? digest : []));
  for (const note of intents) {
    if (atWork.has(note) || (chosen && !chosen.notes.has(note))) continue;
    if (!note.digests.isDisjointFrom(inUse)) continue;
    const files = await Promise.all([note.path, note.lock].map(unfinishedFile));
    await remove(work, "records", files.filter((file) => file !== undefined));
  }
}

/**
 * Removes the queue, unless somebody is pulling what is in it. Waits for whoever is changing it; rejects with the
 * reason of the signal.
 */
export async function cleanQueue(work: CleanWork, signal: AbortSignal): Promise<void> {
  const { paths, dryRun, exclusive } = work;
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

/** Removes `files` in this order and notes that, or with a dry run only notes it. */
async function remove(
  work: CleanWork,
  kind: CleanKind,
  files: readonly UnfinishedFile[],
  owner: Owner = {},
): Promise<void> {
  const gone: UnfinishedFile[] = [];
  for (const file of files) if (work.dryRun || await isRemoved(work.disk, file)) gone.push(file);
  if (gone.length > 0) work.removed.push(itemOf(kind, gone, owner));
}

/** Notes that `files` are left, if there are any. */
function leave(
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

/** A folder that is not empty stays: what is in it is not ours. */
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
