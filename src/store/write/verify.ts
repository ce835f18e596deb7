/** Whether a file is the blob that its name says, by the ledger or by hashing it. */

import { PullamaError } from "../../core/errors.ts";
import { shortId } from "../../core/digest.ts";
import type { Descriptor } from "../../core/manifest.ts";
import type { Ownership } from "../../io/disk.ts";
import { isMissing, isOtherFileSystem, isReadFailure } from "../../io/file_error.ts";
import type { HashedFile, Hasher } from "../../io/hash.ts";
import { lstatOf, statOf } from "../../io/stat.ts";
import type { Folder } from "../layout/folder.ts";
import { type FileIdentity, isSame, renameFile } from "../layout/identity.ts";
import { makeFolder } from "../layout/ownership.ts";
import { blobFile } from "../layout/paths.ts";
import { isInstalled } from "../manifests/references.ts";
import { type Ledger, verifiedFile } from "../layout/verified.ts";

/** Bytes hashed of a file between two reports. */
const REPORT_EVERY = 256 * 1024 * 1024;
/** The ledger is saved at once after a blob of this size was hashed; smaller ones are hashed again quickly. */
const WORTH_SAVING = 64 * 1024 * 1024;

/** A path that names another file each time it is read is given up after so many. */
const MOST_LOOKS = 10;

/** How a verification is followed and ended. */
export interface Verification {
  readonly signal?: AbortSignal;
  /** Called with the number of bytes hashed. */
  readonly onProgress?: (done: number) => void;
}

export class BlobVerifier {
  constructor(
    private readonly folder: Folder,
    private readonly ledger: Ledger,
    private readonly hasher: Hasher,
    /** Of the folder for damaged files. */
    private readonly folderOwnership: Ownership,
  ) {}

  /**
   * Whether the file at `path` is `blob`. A file that is not is moved to bad/, were it a link to nothing. The verdict
   * is about an open file: whatever another process does to the path meanwhile, it is not applied to another file.
   * Rejects with kind local, and with the reason of the signal.
   */
  async verifyOrQuarantine(
    blob: Descriptor,
    path: string,
    verification: Verification = {},
  ): Promise<boolean> {
    for (let looks = 1;; looks++) {
      const named = await lstatOf(path);
      if (!named) return false;
      const file = named.isSymlink ? await statOf(path) : named;
      const fits = file?.isFile && file.size === blob.size;
      if (!fits) {
        if (file?.isFile) await this.#requireWrong(blob, path, file, verification);
        if (await this.#quarantine(blob, path, named)) return false;
      } else if (this.ledger.vouchesFor(blob.digest, verifiedFile(file))) {
        return true;
      } else {
        const hashed = await this.#hash(blob, path, verification);
        if (hashed?.matches) {
          this.ledger.note(blob.digest, hashed.file);
          if (blob.size >= WORTH_SAVING) await this.ledger.save();
          return true;
        }
        const same = hashed && isSame(file, hashed.file);
        if (same && await this.#quarantine(blob, path, named)) return false;
      }
      // The path names another file by now.
      if (looks === MOST_LOOKS) throw new PullamaError("local", `${path} changes all the time`);
    }
  }

  /** Records in the ledger that the file at `path` was verified. */
  async note(blob: Descriptor, path: string): Promise<void> {
    const file = await statOf(path);
    if (file) this.ledger.note(blob.digest, verifiedFile(file));
  }

  /** Rejects with `size` where the file has the digest of `blob`, so that the size of `blob` is wrong. */
  async #requireWrong(
    { mediaType, digest, size }: Descriptor,
    path: string,
    file: Deno.FileInfo,
    verification: Verification,
  ): Promise<void> {
    const own = { mediaType, digest, size: file.size };
    const isRight = this.ledger.vouchesFor(digest, verifiedFile(file)) ||
      // Any other file of another size is not worth reading: another user may have made it.
      (await isInstalled(this.folder.paths, own) &&
        (await this.#hash(own, path, verification))?.matches);
    if (!isRight) return;
    const message =
      `blob ${shortId(digest)} is installed with ${file.size} bytes, and it is right: ` +
      `it cannot have ${size} bytes`;
    throw new PullamaError("size", message, { hint: "the manifest, or the archive, is wrong" });
  }

  /** Undefined: the file was removed meanwhile. */
  async #hash(
    blob: Descriptor,
    path: string,
    { signal, onProgress }: Verification,
  ): Promise<{ readonly matches: boolean; readonly file: HashedFile } | undefined> {
    const run = this.hasher.follow(path, 0);
    let file: HashedFile | undefined;
    try {
      // Opens it; and what another program wrote may not be on disk yet.
      file = await run.sync();
      let whole = true;
      while (whole && run.position < blob.size) {
        signal?.throwIfAborted();
        onProgress?.(run.position);
        whole = await run.extend(Math.min(blob.size, run.position + REPORT_EVERY));
      }
      onProgress?.(blob.size);
      const matches = whole && (blob.size === 0 || run.digest === blob.digest);
      return { matches: matches && file.isFile && file.size === blob.size, file };
    } catch (error) {
      if (isMissing(error)) return undefined;
      // What the disk cannot read is downloaded again.
      if (file && isReadFailure(error)) return { matches: false, file };
      throw error;
    } finally {
      await run.close();
    }
  }

  /** Moves `path` to bad/ if it still names `file`; false: it names another one, which is put back. */
  async #quarantine(blob: Descriptor, path: string, file: FileIdentity): Promise<boolean> {
    const { disk, paths } = this.folder;
    await makeFolder(disk, paths.bad, this.folderOwnership);
    const moved = `${paths.bad}/${blobFile(blob.digest)}-${crypto.randomUUID()}`;
    try {
      return await renameFile(disk, file, path, moved);
    } catch (error) {
      if (isMissing(error)) return false;
      if (!isOtherFileSystem(error)) throw error;
      const named = await lstatOf(path);
      if (!named || !isSame(named, file)) return false;
      await disk.remove(path);
      return true;
    }
  }
}
