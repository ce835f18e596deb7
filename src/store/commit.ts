/**
 * Making a model visible. The order keeps every blob under a name at every moment: a server that starts
 * in between and tidies up, or somebody who removes another model, finds nothing of ours that it could
 * take away for good.
 */

import type { Digest } from "../core/digest.ts";
import { PullamaError } from "../core/errors.ts";
import { type Descriptor, distinctBlobs, type Manifest } from "../core/manifest.ts";
import { fullName, type ModelName } from "../core/name.ts";
import type { Disk } from "../io/disk.ts";
import { folderOf } from "../io/atomic.ts";
import { isMissing, isNoLinkHere, isTaken, localFailure } from "../io/failure.ts";
import type { Ledger } from "./ledger.ts";
import { likenessOf, makeFolderAside } from "./ownership.ts";
import { type BlobPaths, blobPaths, manifestFolders, manifestPath, type Paths } from "./paths.ts";

/** The server may remove a fresh, still empty folder; it does so only when it starts. */
const FOLDER_TRIES = 5;

export interface CommitTools {
  readonly disk: Disk;
  readonly paths: Paths;
  readonly ledger: Ledger;
  readonly temporary: () => string;
  /** Hashes a file in blobs/ that nobody remembers, and moves it aside if it is not what it is called. */
  readonly holds: (blob: Descriptor, path: string) => Promise<boolean>;
}

/**
 * Puts `manifest` and all its blobs in place. Returns the blobs that have neither name any more and must
 * be fetched again; then the manifest may be in place already, and commit has to be called once more.
 */
export async function commitModel(
  tools: CommitTools,
  name: ModelName,
  manifest: Manifest,
): Promise<readonly Descriptor[]> {
  const { disk, paths, ledger } = tools;
  const blobs = distinctBlobs(manifest);
  const vanished: Descriptor[] = [];
  for (const blob of blobs) {
    if (!await hold(tools, blob)) vanished.push(blob);
  }
  if (vanished.length > 0) return vanished;
  await disk.syncFolder(paths.ready);
  for (const blob of blobs) await publish(tools, blob);
  await ledger.save();
  await disk.syncFolder(paths.blobs);
  await writeManifest(tools, name, manifest);
  for (const blob of blobs) {
    if (!await isThere(blobPaths(paths, blob.digest).final, blob.size)) {
      if (await isThere(blobPaths(paths, blob.digest).ready, blob.size)) await publish(tools, blob);
      else vanished.push(blob);
    }
  }
  if (vanished.length > 0) return vanished;
  for (const blob of blobs) await letGo(disk, blobPaths(paths, blob.digest));
  return [];
}

/** Gives the blob a name in ready/, which nobody else removes. False: it has no name at all. */
async function hold({ disk, paths }: CommitTools, blob: Descriptor): Promise<boolean> {
  const at = blobPaths(paths, blob.digest);
  if (await isThere(at.ready, blob.size)) return true;
  try {
    await disk.link(at.final, at.ready);
    return true;
  } catch (error) {
    if (isTaken(error)) return true;
    if (isMissing(error)) return false;
    // Without links the blob can only stay where it is.
    if (isNoLinkHere(error)) return await isThere(at.final, blob.size);
    throw error;
  }
}

/** Gives the blob its final name and an hour of grace: a starting server removes older blobs unused. */
async function publish(tools: CommitTools, blob: Descriptor): Promise<void> {
  const { disk, paths, ledger } = tools;
  const at = blobPaths(paths, blob.digest);
  const known = await knownTo(ledger, blob.digest, at.ready) ||
    await knownTo(ledger, blob.digest, at.final);
  try {
    await disk.touch(await isThere(at.ready, blob.size) ? at.ready : at.final, Date.now());
  } catch (error) {
    // A file of somebody else may be used but not touched.
    if (!(error instanceof PullamaError && error.kind === "local")) throw error;
  }
  await linkFinal(tools, blob, at);
  if (known) await note(ledger, blob.digest, at.final);
}

async function linkFinal(tools: CommitTools, blob: Descriptor, at: BlobPaths): Promise<void> {
  const { disk } = tools;
  try {
    await disk.link(at.ready, at.final);
  } catch (error) {
    if (isTaken(error)) {
      if (await isSameFile(at.ready, at.final) || await tools.holds(blob, at.final)) return;
      await disk.link(at.ready, at.final);
    } else if (isMissing(error)) {
      // Another pull of the same blob has let its name go: the one in blobs/ is as good.
      if (await isThere(at.final, blob.size)) await disk.link(at.final, at.ready);
    } else if (isNoLinkHere(error)) {
      if (!await isThere(at.final, blob.size)) await moveFinal(tools, at);
    } else throw error;
  }
}

/** Where there are no links the name in ready/ is given up; across file systems the bytes are copied. */
async function moveFinal({ disk }: CommitTools, at: BlobPaths): Promise<void> {
  try {
    await disk.rename(at.ready, at.final);
  } catch (error) {
    if (!isNoLinkHere(error)) throw error;
    await copyFile(disk, at.ready, at.oldPartial);
    await disk.rename(at.oldPartial, at.final);
  }
}

async function copyFile(disk: Disk, from: string, to: string): Promise<void> {
  using source = await Deno.open(from);
  using target = await disk.open(to, "any");
  await target.truncate(0);
  const buffer = new Uint8Array(1024 * 1024);
  let at = 0;
  for (let read = await source.read(buffer); read !== null; read = await source.read(buffer)) {
    await target.writeAt(buffer.subarray(0, read), at);
    at += read;
  }
  await target.sync();
}

async function writeManifest(
  { disk, paths, temporary }: CommitTools,
  name: ModelName,
  manifest: Manifest,
): Promise<void> {
  const path = manifestPath(paths, name);
  const made: string[] = [];
  const draft = temporary();
  try {
    {
      using file = await disk.open(draft, "new");
      await file.writeAt(manifest.bytes, 0);
      await file.sync();
    }
    for (let tries = 1;; tries++) {
      try {
        await makeManifestFolders(disk, paths, name, temporary, made);
        await disk.own(draft, (await likenessOf(folderOf(path))).file);
        await disk.rename(draft, path);
        break;
      } catch (error) {
        if (!isMissing(error) || tries === FOLDER_TRIES) throw error;
      }
    }
    for (const folder of new Set([...made.map(folderOf), folderOf(path)])) {
      await disk.syncFolder(folder);
    }
  } catch (error) {
    await disk.remove(draft).catch(() => {});
    // An empty folder keeps a server of another user from starting.
    for (const folder of made.reverse()) await disk.removeFolder(folder).catch(() => {});
    if (!(error instanceof PullamaError)) throw error;
    throw new PullamaError(
      error.kind,
      `cannot store the manifest of ${fullName(name)}: ${error.message}`,
      { cause: error.cause, ...(error.hint === undefined ? {} : { hint: error.hint }) },
    );
  }
}

async function makeManifestFolders(
  disk: Disk,
  paths: Paths,
  name: ModelName,
  temporary: () => string,
  made: string[],
): Promise<void> {
  for (const folder of manifestFolders(paths, name)) {
    const { folder: look } = await likenessOf(folderOf(folder));
    if (await makeFolderAside(disk, folder, temporary(), look)) made.push(folder);
  }
}

async function letGo(disk: Disk, at: BlobPaths): Promise<void> {
  await disk.remove(at.ready);
}

async function isThere(path: string, size: number): Promise<boolean> {
  try {
    const file = await Deno.stat(path);
    return file.isFile && file.size === size;
  } catch (error) {
    if (isMissing(error)) return false;
    throw localFailure(error, "read", path);
  }
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([Deno.stat(one), Deno.stat(other)]);
  return a.ino !== null && a.ino === b.ino && a.dev === b.dev;
}

async function knownTo(ledger: Ledger, digest: Digest, path: string): Promise<boolean> {
  const file = await Deno.stat(path).catch(() => undefined);
  return file !== undefined && ledger.vouchesFor(digest, file);
}

async function note(ledger: Ledger, digest: Digest, path: string): Promise<void> {
  const file = await Deno.stat(path).catch(() => undefined);
  if (file) ledger.note(digest, file);
}
