/** Whether a file is the blob that its name says, by the ledger or by hashing it. */

import type { Descriptor } from "../../core/manifest.ts";
import type { Ownership } from "../../io/disk.ts";
import type { Hasher } from "../../io/hash.ts";
import { statOf } from "../../io/stat.ts";
import type { Folder } from "../layout/folder.ts";
import { makeFolder } from "../layout/ownership.ts";
import { blobFile } from "../layout/paths.ts";
import type { Ledger } from "../layout/verified.ts";

/** Bytes hashed of a file between two reports. */
const REPORT_EVERY = 256 * 1024 * 1024;
/** The ledger is saved at once after a blob of this size was hashed; smaller ones are hashed again quickly. */
const WORTH_SAVING = 64 * 1024 * 1024;

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
   * Whether the file at `path` is `blob`. A file that is not is moved to bad/. Rejects with kind local, and with the
   * reason of the signal.
   */
  async verifyOrQuarantine(
    blob: Descriptor,
    path: string,
    verification: Verification = {},
  ): Promise<boolean> {
    const file = await statOf(path);
    if (!file) return false;
    if (file.isFile && file.size === blob.size) {
      if (this.ledger.vouchesFor(blob.digest, file)) return true;
      if (await this.#hasDigest(blob, path, verification)) {
        this.ledger.note(blob.digest, file);
        if (blob.size >= WORTH_SAVING) await this.ledger.save();
        return true;
      }
    }
    const { disk, paths } = this.folder;
    await makeFolder(disk, paths.bad, this.folderOwnership);
    await disk.rename(path, `${paths.bad}/${blobFile(blob.digest)}-${crypto.randomUUID()}`);
    return false;
  }

  /** Records in the ledger that the file at `path` was verified. */
  async note(blob: Descriptor, path: string): Promise<void> {
    const file = await statOf(path);
    if (file) this.ledger.note(blob.digest, file);
  }

  async #hasDigest(
    blob: Descriptor,
    path: string,
    { signal, onProgress }: Verification,
  ): Promise<boolean> {
    const run = this.hasher.follow(path, 0);
    try {
      while (run.position < blob.size) {
        signal?.throwIfAborted();
        onProgress?.(run.position);
        if (!await run.extend(Math.min(blob.size, run.position + REPORT_EVERY))) return false;
      }
      onProgress?.(blob.size);
      return blob.size === 0 || run.digest === blob.digest;
    } finally {
      await run.close();
    }
  }
}
