/** A models folder that cannot be written: a model that is in it completely needs no writing. */

import type { BlobWatcher, Session } from "../../core/content.ts";
import type { Digest } from "../../core/digest.ts";
import type { Descriptor, Manifest } from "../../core/manifest.ts";
import type { ModelName } from "../../core/name.ts";
import { readSmallFile } from "../../io/guarded.ts";
import { Hasher } from "../../io/hash.ts";
import type { Folder } from "../layout/folder.ts";
import { blobPaths, manifestPath } from "../layout/paths.ts";
import { Ledger } from "../layout/verified.ts";
import { BlobVerifier } from "./verify.ts";

/** Rejects with `reason`, which says why the folder cannot be written, as soon as something would have to be. */
export class ReadOnlySession implements Session {
  readonly #hasher = new Hasher();

  private constructor(
    private readonly folder: Folder,
    private readonly ledger: Ledger,
    private readonly reason: unknown,
  ) {}

  static async open(folder: Folder, reason: unknown): Promise<ReadOnlySession> {
    return new ReadOnlySession(folder, await Ledger.open(folder), reason);
  }

  async verifyOrQuarantine(
    blob: Descriptor,
    signal: AbortSignal,
    watcher: BlobWatcher,
  ): Promise<boolean> {
    const verifier = new BlobVerifier(this.folder, this.ledger, this.#hasher, {});
    const { final } = blobPaths(this.folder.paths, blob.digest);
    const verification = { signal, onProgress: (done: number) => watcher.verifying(done) };
    return await verifier.verifyOrQuarantine(blob, final, verification);
  }

  ingest(): Promise<never> {
    return Promise.reject(this.reason);
  }

  put(): Promise<Digest> {
    return Promise.reject(this.reason);
  }

  async commit(name: ModelName, { bytes }: Manifest): Promise<readonly Descriptor[]> {
    const path = manifestPath(this.folder.paths, name);
    const stored = await readSmallFile(path, bytes.length, { follow: true }).catch(() => undefined);
    const same = stored?.bytes.length === bytes.length &&
      stored.bytes.every((byte, i) => byte === bytes[i]);
    if (!same) throw this.reason;
    return [];
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#hasher[Symbol.dispose]();
    return Promise.resolve();
  }
}
