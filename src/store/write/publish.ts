/**
 * The names of finished blobs: one in ready/, which no other program removes, and the one in blobs/, which Ollama
 * uses. On file systems without hard links there is one of them at a time.
 */

import { PullamaError } from "../../core/errors.ts";
import type { Descriptor } from "../../core/manifest.ts";
import { inBatches } from "../../io/concurrency.ts";
import type { Disk, Ownership } from "../../io/disk.ts";
import {
  isExisting,
  isLinkUnsupported,
  isMissing,
  isOtherFileSystem,
} from "../../io/file_error.ts";
import { openForReading } from "../../io/guarded.ts";
import { waitLock } from "../../io/lock.ts";
import { statOf } from "../../io/stat.ts";
import { type Ledger, verifiedFile } from "../layout/verified.ts";
import type { BlobVerifier } from "./verify.ts";
import type { Folder } from "../layout/folder.ts";
import { type FileIdentity, isSame } from "../layout/identity.ts";
import { type BlobPaths, blobPaths } from "../layout/paths.ts";

/** A blob that is not older than this, in milliseconds, is far from being pruned. */
const FRESH_MS = 20 * 60_000;
/** How often blobs that another program removes are linked again. */
const ROUNDS = 3;

export interface CommitTools {
  readonly folder: Folder;
  readonly ledger: Ledger;
  /** Of new files in blobs/. */
  readonly ownership: Ownership;
  readonly verifier: BlobVerifier;
  /** Ends waiting for locks, and is called while another process holds one. */
  readonly signal: AbortSignal;
  readonly waiting: (holder: string | undefined) => void;
}

/** A blob with a name that no other program removes, or, without hard links, with any name. */
export interface HeldBlob {
  readonly blob: Descriptor;
  readonly file: FileIdentity;
  /** Whether exactly this file was hashed. */
  readonly known: boolean;
}

/** Whether a blob gets a new time before its model is stored. */
export function isStale({ mtime }: Deno.FileInfo): boolean {
  return Date.now() - (mtime?.getTime() ?? 0) > FRESH_MS;
}

/** Gives the blob a name in ready/. Undefined: it does not exist. */
export async function holdBlob(
  tools: CommitTools,
  blob: Descriptor,
): Promise<HeldBlob | undefined> {
  const { folder: { disk, paths }, ledger, verifier } = tools;
  const at = blobPaths(paths, blob.digest);
  if (await verifier.verifyOrQuarantine(blob, at.ready)) {
    const ready = await fileAt(at.ready, blob.size);
    if (ready) return heldAs(ready);
  }
  if (!await verifier.verifyOrQuarantine(blob, at.final)) return undefined;
  try {
    await disk.link(at.final, at.ready);
  } catch (error) {
    if (isMissing(error)) return undefined;
    // Without hard links the blob stays where it is.
    if (!isExisting(error) && !isLinkUnsupported(error)) throw error;
  }
  const file = await fileAt(at.ready, blob.size) ?? await fileAt(at.final, blob.size);
  return file && heldAs(file);

  // Only what is needed: there may be thousands of blobs.
  function heldAs(file: Deno.FileInfo): HeldBlob {
    const { ino, dev } = file;
    return { blob, file: { ino, dev }, known: ledger.vouchesFor(blob.digest, verifiedFile(file)) };
  }
}

/** Gives the blob its final name and a new time: a starting server removes unused blobs older than an hour. */
export async function publishBlob(tools: CommitTools, held: HeldBlob): Promise<void> {
  const { folder: { disk, paths }, ledger } = tools;
  const { blob, known } = held;
  const at = blobPaths(paths, blob.digest);
  for (const path of [at.ready, at.final]) {
    try {
      const info = await statOf(path);
      if (!info) continue;
      // Changed times make other processes hash it again.
      if (isStale(info)) await disk.touch(path, Date.now());
      break;
    } catch (error) {
      // A file of another user may be used but not touched.
      if (!(error instanceof PullamaError && error.kind === "local")) throw error;
      if (!isMissing(error)) break;
    }
  }
  await linkFinal(tools, held, at);
  const file = known ? await fileAt(at.final, blob.size) : undefined;
  if (file && isSame(file, held.file)) ledger.note(blob.digest, verifiedFile(file));
}

async function linkFinal(
  tools: CommitTools,
  { blob, file }: HeldBlob,
  at: BlobPaths,
): Promise<void> {
  const { folder: { disk }, verifier } = tools;
  try {
    await disk.link(at.ready, at.final);
  } catch (error) {
    if (isExisting(error)) {
      if (await isRight()) return;
      await disk.link(at.ready, at.final);
    } else if (isMissing(error)) {
      // Another pull of the same blob has removed its name in ready/: the one in blobs/ is as good.
      if (await isRight()) await linkBack(disk, at);
    } else if (isLinkUnsupported(error)) {
      if (!await isRight()) await moveFinal(tools, blob, at);
    } else throw error;
  }

  async function isRight(): Promise<boolean> {
    const final = await fileAt(at.final, blob.size);
    return (final && isSame(final, file)) || await verifier.verifyOrQuarantine(blob, at.final);
  }
}

async function linkBack(disk: Disk, at: BlobPaths): Promise<void> {
  try {
    await disk.link(at.final, at.ready);
  } catch (error) {
    if (!isExisting(error) && !isMissing(error) && !isLinkUnsupported(error)) throw error;
  }
}

/**
 * Links again what another program has removed from blobs/ since, as `ollama rm` of another model does.
 * Returns the blobs that have no name left.
 */
export async function publishRemoved(
  tools: CommitTools,
  held: readonly HeldBlob[],
): Promise<Descriptor[]> {
  const { disk, paths } = tools.folder;
  for (let round = 0;; round++) {
    const removed: HeldBlob[] = [];
    const gone: Descriptor[] = [];
    await inBatches(held, async (one) => {
      const { blob } = one;
      const at = blobPaths(paths, blob.digest);
      if (await fileAt(at.final, blob.size)) return;
      if (round < ROUNDS && await fileAt(at.ready, blob.size)) removed.push(one);
      else gone.push(blob);
    });
    if (gone.length > 0 || removed.length === 0) return gone;
    await inBatches(removed, (one) => publishBlob(tools, one));
    await disk.syncFolder(paths.blobs);
  }
}

/** Without hard links the blob is renamed; across file systems it is copied. */
async function moveFinal(tools: CommitTools, blob: Descriptor, at: BlobPaths): Promise<void> {
  try {
    try {
      await tools.folder.disk.rename(at.ready, at.final);
    } catch (error) {
      if (!isOtherFileSystem(error)) throw error;
      await copyFinal(tools, blob, at);
    }
  } catch (error) {
    // Another pull of the same blob has moved it, which is looked at once the manifest is stored.
    if (!isMissing(error)) throw error;
  }
}

/**
 * One process copies, and says in the ledger what it has read back: pulls of the same blob would replace each other's
 * copy, with room for all of them on the disk, and each would note its own.
 */
async function copyFinal(tools: CommitTools, blob: Descriptor, at: BlobPaths): Promise<void> {
  const { folder: { disk }, ledger, ownership, verifier, signal, waiting } = tools;
  // Held only while a blob is read or copied: no pull downloads one that is in ready/.
  using _lock = await waitLock(at.lock, { ownership, signal, onWait: waiting });
  await ledger.refresh();
  if (await verifier.verifyOrQuarantine(blob, at.final)) return;
  await copyFile(disk, at.ready, at.final, ownership);
  await verifier.verifyOrQuarantine(blob, at.final);
  await ledger.save();
}

/**
 * Copies to a draft of its own beside `to`, so that no other process writes to it, and puts it in place durably. A
 * starting server removes such drafts.
 */
async function copyFile(
  disk: Disk,
  from: string,
  to: string,
  ownership: Ownership,
): Promise<void> {
  const draft = `${to}-${crypto.randomUUID()}.partial`;
  try {
    using source = await openForReading(from);
    using target = await disk.open(draft, "new");
    await disk.own(draft, ownership);
    const buffer = new Uint8Array(1024 * 1024);
    let at = 0;
    for (let read = await source.read(buffer); read !== null; read = await source.read(buffer)) {
      await target.writeAt(buffer.subarray(0, read), at);
      at += read;
    }
    await target.sync();
    target.close();
    await disk.rename(draft, to);
  } catch (error) {
    await disk.remove(draft).catch(() => {});
    throw error;
  }
}

/** The file at `path`, if it is one and has this size. */
async function fileAt(path: string, size: number): Promise<Deno.FileInfo | undefined> {
  const file = await statOf(path);
  return file?.isFile && file.size === size ? file : undefined;
}
