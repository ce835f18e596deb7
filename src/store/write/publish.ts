/**
 * The names of finished blobs: one in ready/, that nobody else removes, and the one in blobs/, under which
 * Ollama finds them. Where links do not exist there is one at a time.
 */

import { PullamaError } from "../../core/errors.ts";
import type { Descriptor } from "../../core/manifest.ts";
import type { Disk, Ownership } from "../../io/disk.ts";
import { isExisting, isLinkUnsupported, isMissing } from "../../io/file_error.ts";
import { statOf } from "../../io/stat.ts";
import type { Ledger } from "../layout/verified.ts";
import { type BlobPaths, blobPaths, type Paths } from "../layout/paths.ts";

/** How often blobs are linked again that somebody removes. */
const ROUNDS = 3;
/** File operations under way at once. */
const BATCH = 32;

export interface CommitTools {
  readonly disk: Disk;
  readonly paths: Paths;
  readonly ledger: Ledger;
  readonly temporary: () => string;
  /** How files look that go into blobs/. */
  readonly ownership: Ownership;
  /** Hashes a file in blobs/ that nobody remembers, and moves it aside if it is not what it is called. */
  readonly holds: (blob: Descriptor, path: string) => Promise<boolean>;
}

/** Which file it is, whatever its name. */
interface FileIdentity {
  readonly ino: number | null;
  readonly dev: number;
}

/** A blob that has a name nobody else removes, or, where there are no links, a name at all. */
export interface HeldBlob {
  readonly blob: Descriptor;
  readonly file: FileIdentity;
  /** Whether this very file was hashed. */
  readonly known: boolean;
}

/** Gives the blob a name in ready/. Undefined: it has no name at all. */
export async function holdBlob(
  tools: CommitTools,
  blob: Descriptor,
): Promise<HeldBlob | undefined> {
  const { disk, paths, ledger } = tools;
  const at = blobPaths(paths, blob.digest);
  const ready = await fileAt(at.ready, blob.size);
  if (ready) return heldAs(ready);
  if (!await tools.holds(blob, at.final)) return undefined;
  try {
    await disk.link(at.final, at.ready);
  } catch (error) {
    if (isMissing(error)) return undefined;
    // Without links the blob can only stay where it is.
    if (!isExisting(error) && !isLinkUnsupported(error)) throw error;
  }
  const file = await fileAt(at.ready, blob.size) ?? await fileAt(at.final, blob.size);
  return file && heldAs(file);

  // Of thousands of blobs no more is kept than is needed.
  function heldAs(file: Deno.FileInfo): HeldBlob {
    const { ino, dev } = file;
    return { blob, file: { ino, dev }, known: ledger.vouchesFor(blob.digest, file) };
  }
}

/** Gives the blob its final name and an hour of grace: a starting server removes older blobs unused. */
export async function publishBlob(tools: CommitTools, held: HeldBlob): Promise<void> {
  const { disk, ledger } = tools;
  const { blob, known } = held;
  const at = blobPaths(tools.paths, blob.digest);
  for (const path of [at.ready, at.final]) {
    try {
      await disk.touch(path, Date.now());
      break;
    } catch (error) {
      // A file of somebody else may be used but not touched.
      if (!(error instanceof PullamaError && error.kind === "local")) throw error;
      if (!isMissing(error)) break;
    }
  }
  await linkFinal(tools, held, at);
  const file = known ? await fileAt(at.final, blob.size) : undefined;
  if (file && isSame(file, held.file)) ledger.note(blob.digest, file);
}

async function linkFinal(
  tools: CommitTools,
  { blob, file }: HeldBlob,
  at: BlobPaths,
): Promise<void> {
  const { disk, holds } = tools;
  try {
    await disk.link(at.ready, at.final);
  } catch (error) {
    if (isExisting(error)) {
      if (await isRight()) return;
      await disk.link(at.ready, at.final);
    } else if (isMissing(error)) {
      // Another pull of the same blob has let its name go: the one in blobs/ is as good.
      if (await isRight()) await linkBack(disk, at);
    } else if (isLinkUnsupported(error)) {
      if (!await isRight()) await moveFinal(tools, at);
    } else throw error;
  }

  async function isRight(): Promise<boolean> {
    const final = await fileAt(at.final, blob.size);
    return (final && isSame(final, file)) || await holds(blob, at.final);
  }
}

async function linkBack(disk: Disk, at: BlobPaths): Promise<void> {
  try {
    await disk.link(at.final, at.ready);
  } catch (error) {
    if (!isExisting(error) && !isMissing(error)) throw error;
  }
}

/**
 * Links once more what somebody has removed from blobs/ since, as `ollama rm` of another model does.
 * Returns what has no name left.
 */
export async function publishRemoved(
  tools: CommitTools,
  held: readonly HeldBlob[],
): Promise<Descriptor[]> {
  for (let round = 0;; round++) {
    const removed: HeldBlob[] = [];
    const gone: Descriptor[] = [];
    await inBatches(held, async (one) => {
      const { blob } = one;
      const at = blobPaths(tools.paths, blob.digest);
      if (await fileAt(at.final, blob.size)) return;
      if (round < ROUNDS && await fileAt(at.ready, blob.size)) removed.push(one);
      else gone.push(blob);
    });
    if (gone.length > 0 || removed.length === 0) return gone;
    await inBatches(removed, (one) => publishBlob(tools, one));
    await tools.disk.syncFolder(tools.paths.blobs);
  }
}

/** Where there are no links the name in ready/ is given up; across file systems the bytes are copied. */
async function moveFinal({ disk, ownership }: CommitTools, at: BlobPaths): Promise<void> {
  try {
    await disk.rename(at.ready, at.final);
  } catch (error) {
    if (isMissing(error)) return;
    if (!isLinkUnsupported(error)) throw error;
    try {
      await copyFile(disk, at.ready, at.oldPartial, ownership);
      await disk.rename(at.oldPartial, at.final);
    } catch (failed) {
      await disk.remove(at.oldPartial).catch(() => {});
      throw failed;
    }
  }
}

async function copyFile(disk: Disk, from: string, to: string, ownership: Ownership): Promise<void> {
  using source = await Deno.open(from);
  using target = await disk.open(to, "any");
  await target.truncate(0);
  await disk.own(to, ownership);
  const buffer = new Uint8Array(1024 * 1024);
  let at = 0;
  for (let read = await source.read(buffer); read !== null; read = await source.read(buffer)) {
    await target.writeAt(buffer.subarray(0, read), at);
    at += read;
  }
  await target.sync();
}

/** The file at `path`, if it is one and has this size. */
async function fileAt(path: string, size: number): Promise<Deno.FileInfo | undefined> {
  const file = await statOf(path);
  return file?.isFile && file.size === size ? file : undefined;
}

function isSame(one: FileIdentity, other: FileIdentity): boolean {
  return one.ino !== null && one.ino === other.ino && one.dev === other.dev;
}

/** Does one step for all of `items`, some at a time; the first failure counts when none is under way. */
export async function inBatches<T>(
  items: readonly T[],
  act: (item: T) => Promise<void>,
): Promise<void> {
  for (let at = 0; at < items.length; at += BATCH) {
    const done = await Promise.allSettled(items.slice(at, at + BATCH).map(act));
    for (const result of done) if (result.status === "rejected") throw result.reason;
  }
}
