/** Blobs of another models folder on the same disk come into this one without room of their own: linked, or sharing bytes. */

import { PullamaError } from "../../core/errors.ts";
import type { Descriptor } from "../../core/manifest.ts";
import type { Disk, Ownership } from "../../io/disk.ts";
import { freeBytes, sharesBytes } from "../../io/file_system.ts";
import { lstatOf, statOf } from "../../io/stat.ts";
import { tryLock } from "../../io/lock.ts";
import { type Folder, temporaryPath } from "../layout/folder.ts";
import { isSame } from "../layout/identity.ts";
import { ownershipIn } from "../layout/ownership.ts";
import { isOwn, requireOwnFolders } from "../layout/trust.ts";
import { blobPaths } from "../layout/paths.ts";
import { Ledger, verifiedFile } from "../layout/verified.ts";
import { enterFolder, type Entry } from "./enter.ts";
import { isStale } from "./publish.ts";
import { surveyFolder } from "./survey.ts";

/** Bytes of the file that is tried. */
const PROBE = 4 * 1024 * 1024;

/**
 * Links what is missing of `blobs` from the folder `source`, where that gives exactly the file that a copy would be:
 * one with the owner, the group and the mode of this folder's files. Of others it makes copies that share their bytes,
 * where the file system can do that. The rest is left to be copied. The names are in ready/: a pull finds the blobs
 * there, and verifies those that the other ledger does not vouch for. Rejects as `enterFolder` does.
 */
export async function linkBlobs(
  folder: Folder,
  source: Folder,
  blobs: readonly Descriptor[],
  entry: Entry,
): Promise<void> {
  await requireOwnFolders(source.paths);
  const missing = (await surveyFolder(folder, blobs)).filter(({ state }) => state === "missing");
  const found: FoundBlob[] = [];
  for (const { blob } of missing) {
    const path = blobPaths(source.paths, blob.digest).final;
    const info = await lstatOf(path).catch(() => undefined);
    if (info?.isFile && info.size === blob.size) found.push({ blob, path, info });
  }
  if (found.length === 0) return;
  await using _session = await enterFolder(folder, entry);
  const { disk, paths } = folder;
  const ready = await statOf(paths.ready);
  // It cannot be written to, which is an error of the copy.
  if (!ready) return;
  const { file } = await ownershipIn(paths.blobs);
  const own = (await ownershipIn(source.paths.blobs)).file;
  const [ledger, theirs] = [await Ledger.open(folder, file), await Ledger.open(source, own)];
  const trusted = await isOnlyOurs(source.paths.root) && await isOnlyOurs(source.paths.blobs);
  let shares: boolean | undefined;
  for (const one of found) {
    entry.signal.throwIfAborted();
    const { ready: at, final, lock: lockFile } = blobPaths(paths, one.blob.digest);
    // One that another process is making is waited for later.
    using lock = await tryLock(lockFile, { ownership: file });
    // Another one may have finished it meanwhile.
    if (!lock || await lstatOf(at) || await lstatOf(final)) continue;
    if (isAsNew(one.info, ready, file.mode) && await isLinked(disk, one, at)) {
      if (trusted) await noteLinked(disk, one, at, [ledger, theirs]);
      continue;
    }
    if (!trusted || one.info.dev !== ready.dev) continue;
    shares ??= sharesBytes(paths.ready) && await areShared(folder);
    if (shares) await clone(folder, one, at, file);
  }
  await disk.syncFolder(paths.ready);
  await Promise.all([ledger.save(), theirs.save()]);
}

/** Whether only this user and root can change what is in a folder, and what a path in it means. */
async function isOnlyOurs(path: string): Promise<boolean> {
  if (Deno.build.os === "windows") return true;
  const info = await lstatOf(path);
  return info !== undefined && !info.isSymlink && ((info.mode ?? 0) & 0o022) === 0 &&
    isOwn(info.uid);
}

/** Gives the file a second name; false where that is not possible, or another file took its place meanwhile. */
async function isLinked(disk: Disk, { path, info }: FoundBlob, at: string): Promise<boolean> {
  try {
    await disk.link(path, at);
  } catch (error) {
    if (error instanceof PullamaError && error.kind === "local") return false;
    throw error;
  }
  const linked = await lstatOf(at);
  if (linked && isSame(linked, info)) return true;
  await disk.remove(at);
  return false;
}

/** What the ledger of the other folder says of the file holds in both. */
async function noteLinked(
  disk: Disk,
  { blob, info }: FoundBlob,
  at: string,
  [ledger, theirs]: readonly [Ledger, Ledger],
): Promise<void> {
  if (!theirs.vouchesFor(blob.digest, verifiedFile(info))) return;
  // The pull would do it when it stores the model: then the other folder would have to hash the blob again.
  if (isStale(info)) await disk.touch(at, Date.now());
  const touched = await statOf(at);
  if (!touched || !isSame(touched, info)) return;
  for (const known of [ledger, theirs]) known.note(blob.digest, verifiedFile(touched));
}

/** A copy that shares the bytes of the file; it is verified by the pull. Left out where that is not possible. */
async function clone(
  folder: Folder,
  { path }: FoundBlob,
  at: string,
  ownership: Ownership,
): Promise<void> {
  const { disk } = folder;
  const draft = temporaryPath(folder, "clone-");
  try {
    await disk.clone(path, draft);
    await disk.own(draft, ownership);
    {
      using file = await disk.open(draft, "existing");
      await file.sync();
    }
    await disk.rename(draft, at);
  } catch (error) {
    await disk.remove(draft).catch(() => {});
    if (!(error instanceof PullamaError && error.kind === "local")) throw error;
  }
}

/** Whether a copy takes no room here, by trying: otherwise it would be one that nothing can stop or continue. */
async function areShared(folder: Folder): Promise<boolean> {
  const { disk, paths } = folder;
  const [probe, copy] = [temporaryPath(folder, "probe-"), temporaryPath(folder, "probe-")];
  try {
    {
      using file = await disk.open(probe, "new");
      const noise = new Uint8Array(PROBE);
      // No more at a time.
      for (let k = 0; k < PROBE; k += 65_536) crypto.getRandomValues(noise.subarray(k, k + 65_536));
      await file.writeAt(noise, 0);
      await file.sync();
    }
    const before = freeBytes(paths.temporary);
    await disk.clone(probe, copy);
    {
      using file = await disk.open(copy, "existing");
      await file.sync();
    }
    const after = freeBytes(paths.temporary);
    return before !== undefined && after !== undefined && before - after < PROBE / 2;
  } catch {
    return false;
  } finally {
    for (const path of [probe, copy]) await disk.remove(path).catch(() => {});
  }
}

interface FoundBlob {
  readonly blob: Descriptor;
  readonly path: string;
  readonly info: Deno.FileInfo;
}

/** Whether a file is like a new one of `folder`, on its disk: this user would own a copy. */
function isAsNew(
  file: Deno.FileInfo,
  folder: Deno.FileInfo,
  mode: number | undefined,
): boolean {
  const ours = Deno.build.os === "windows" || Deno.uid() === 0 || file.uid === Deno.uid();
  return ours && file.dev === folder.dev && file.uid === folder.uid && file.gid === folder.gid &&
    (mode === undefined || ((file.mode ?? 0) & 0o7777) === mode);
}
