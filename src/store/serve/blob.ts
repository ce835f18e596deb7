/** A blob that is given away. */

import type { Digest } from "../../core/digest.ts";
import type { Range } from "../../core/ranges.ts";
import { settledWithin } from "../../io/abort.ts";
import { isNoFile } from "../../io/file_error.ts";
import { openForReading } from "../../io/guarded.ts";
import { blobPaths, type Paths } from "../layout/paths.ts";
import { identityOf, type Proof, type Proofs } from "./proof.ts";

/** Milliseconds that a request waits for the hash of a blob: less than pulls wait for a mirror. */
export const VERDICT_WAIT_MS = 2_000;

/**
 * Opens the blob `digest` of `size` bytes. Undefined: it is missing, a link, no regular file, of another size, or not what
 * its name says. "checking": it has changed since it was verified, and is being hashed. Rejects where it cannot be read.
 */
export async function openServedBlob(
  paths: Paths,
  digest: Digest,
  size: number,
  proofs: Proofs,
): Promise<OpenBlob | "checking" | undefined> {
  const file = await openForReading(blobPaths(paths, digest).final, { follow: false })
    .catch((error) => {
      if (isNoFile(error)) return undefined;
      throw error;
    });
  if (!file) return undefined;
  using opening = new DisposableStack();
  opening.defer(() => file.close());
  const info = await file.stat();
  if (info.size !== size) return undefined;
  let proof = proofs.of(digest, info);
  if (proof.changed && proof.isRight === undefined) {
    if (!await settledWithin(proof.verdict, VERDICT_WAIT_MS)) return "checking";
    proof = proofs.of(digest, info);
    // It could not be hashed.
    if (proof.isRight === undefined) return "checking";
  }
  if (proof.isRight === false) return undefined;
  opening.move();
  return new OpenBlob(file, info, proof);
}

export class OpenBlob implements Disposable {
  readonly size: number;
  #at = 0;
  #end = 0;
  #closed = false;

  constructor(
    private readonly file: Deno.FsFile,
    private readonly info: Deno.FileInfo,
    private readonly proof: Proof,
  ) {
    this.size = info.size;
  }

  /** False: the range is the last byte alone, whose wait for the digest would be too long. */
  async ready({ start, end }: Range): Promise<boolean> {
    if (start !== this.size - 1 || end !== this.size) return true;
    return await settledWithin(this.proof.verdict, VERDICT_WAIT_MS);
  }

  begin({ start, end }: Range): void {
    this.#at = start;
    this.#end = end;
    this.file.seekSync(start, Deno.SeekMode.Start);
  }

  /**
   * Reads the next bytes. 0 before the end of the range: the file was cut, or changed, or is not what its name says. The
   * last byte of the blob waits for its digest, so that no client can have all of a wrong one.
   */
  async read(buffer: Uint8Array<ArrayBuffer>): Promise<number> {
    const left = this.#end - this.#at;
    let most = Math.min(left, buffer.length);
    if (this.#at + most === this.size) {
      if (this.proof.isRight !== true && left > 1) most--;
      else if (!await this.#isRight()) return 0;
    }
    if (most === 0) return 0;
    const count = await this.file.read(buffer.subarray(0, most)) ?? 0;
    this.#at += count;
    return count;
  }

  async #isRight(): Promise<boolean> {
    if (!await this.proof.verdict) return false;
    return identityOf(await this.file.stat()) === identityOf(this.info);
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.file.close();
  }
}
