/** Blobs of another models folder on the same disk get a second name in this one: they need no room and no copy. */

import { PullamaError } from "../../core/errors.ts";
import type { Descriptor } from "../../core/manifest.ts";
import { lstatOf, statOf } from "../../io/stat.ts";
import { tryLock } from "../../io/lock.ts";
import type { Folder } from "../layout/folder.ts";
import { isSame } from "../layout/identity.ts";
import { ownershipIn } from "../layout/ownership.ts";
import { requireOwnFolders } from "../layout/trust.ts";
import { blobPaths } from "../layout/paths.ts";
import { Ledger, verifiedFile } from "../layout/verified.ts";
import { enterFolder, type Entry } from "./enter.ts";
import { isStale } from "./publish.ts";
import { surveyFolder } from "./survey.ts";

/**
 * Links what is missing of `blobs` from the folder `source`, where that gives exactly the file that a copy would be:
 * one with the owner, the group and the mode of this folder's files. All others are left to be copied, also where the
 * system has no hard links. The names are in ready/: a pull finds the blobs there, and verifies those that the other
 * ledger does not vouch for. Rejects as `enterFolder` does.
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
  const fits = found.filter(({ info }) => isAsNew(info, ready, file.mode));
  const own = (await ownershipIn(source.paths.blobs)).file;
  const [ledger, theirs] = [await Ledger.open(folder, file), await Ledger.open(source, own)];
  for (const { blob, path, info } of fits) {
    const at = blobPaths(paths, blob.digest);
    // One that another process is making is waited for later.
    using lock = await tryLock(at.lock, { ownership: file });
    if (!lock) continue;
    try {
      await disk.link(path, at.ready);
    } catch (error) {
      if (error instanceof PullamaError && error.kind === "local") return;
      throw error;
    }
    const linked = await lstatOf(at.ready);
    if (!linked || !isSame(linked, info)) {
      // Another file took its place meanwhile.
      await disk.remove(at.ready);
      continue;
    }
    if (!theirs.vouchesFor(blob.digest, verifiedFile(linked))) continue;
    // The pull would do it when it stores the model: then the other folder would have to hash the blob again.
    if (isStale(linked)) await disk.touch(at.ready, Date.now());
    const touched = await statOf(at.ready);
    if (!touched || !isSame(touched, info)) continue;
    for (const known of [ledger, theirs]) known.note(blob.digest, verifiedFile(touched));
  }
  await disk.syncFolder(paths.ready);
  await Promise.all([ledger.save(), theirs.save()]);
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
