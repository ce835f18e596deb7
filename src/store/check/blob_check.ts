/** Whether a blob is what manifests say. Changes neither the file nor its times. */

import { asPullamaError } from "../../core/errors.ts";
import type { PrefixDigest } from "../../core/ranges.ts";
import type { BlobProblem } from "../../core/reports/verify.ts";
import type { HashedFile, Hasher } from "../../io/hash.ts";
import { isMissing, isReadFailure } from "../../io/file_error.ts";
import { exists, statOf } from "../../io/stat.ts";
import type { Folder } from "../layout/folder.ts";
import { keepParts } from "../layout/parts.ts";
import { blobPaths } from "../layout/paths.ts";
import { type Ledger, verifiedFile } from "../layout/verified.ts";
import type { Target } from "./targets.ts";

/** A path that names another file each time it is read is given up after so many. */
const MOST_LOOKS = 10;
/** Bytes between two reports. */
const REPORT_EVERY = 32 * 1024 * 1024;

/** What is known without reading: a problem, nothing wrong, or the bytes that have to be read. */
export type Look = BlobProblem | "right" | { readonly kind: "unread"; readonly bytes: number };

export class BlobCheck {
  /** `full`: what the ledger says of unchanged files is not enough. */
  constructor(
    private readonly folder: Folder,
    private readonly ledger: Ledger,
    private readonly full: boolean,
  ) {}

  async look({ digest, size }: Target, path: string): Promise<Look> {
    try {
      const file = await statOf(path);
      if (!file) return { kind: "missing" };
      if (!file.isFile) return { kind: "unreadable", reason: `${path} is not a file` };
      if (size !== undefined && file.size !== size) {
        return { kind: "wrong_size", found: file.size };
      }
      const known = !this.full && this.ledger.vouchesFor(digest, verifiedFile(file));
      return known ? "right" : { kind: "unread", bytes: file.size };
    } catch (error) {
      return { kind: "unreadable", reason: asPullamaError(error).message };
    }
  }

  /** Reads the file, and notes in the ledger what it is. Rejects with the reason of `signal`. */
  async read(
    target: Target,
    path: string,
    hasher: Hasher,
    { signal, onProgress }: {
      readonly signal: AbortSignal;
      readonly onProgress: (done: number) => void;
    },
  ): Promise<BlobProblem | undefined> {
    const { digest, size } = target;
    for (let looks = 1;; looks++) {
      const run = hasher.follow(path, 0);
      try {
        const file = await run.sync();
        if (!file.isFile) return { kind: "unreadable", reason: `${path} is not a file` };
        const parts: PrefixDigest[] = [];
        let whole = true;
        while (whole && run.position < file.size) {
          signal.throwIfAborted();
          whole = await run.extend(Math.min(file.size, run.position + REPORT_EVERY));
          if (run.digest) parts.push({ end: run.position, digest: run.digest });
          onProgress(run.position);
        }
        const named = await statOf(path);
        if (!named) return { kind: "missing" };
        if ((!whole || !isUnchanged(file, named)) && looks < MOST_LOOKS) continue;
        if (size !== undefined && file.size !== size) {
          return { kind: "wrong_size", found: file.size };
        }
        if (run.digest === digest || (file.size === 0 && size === 0)) {
          this.ledger.note(digest, file);
          await this.#keep(target, file.size, parts);
          return undefined;
        }
        this.ledger.forget(digest);
        return { kind: "wrong_digest", ...(run.digest && { actual: run.digest }) };
      } catch (error) {
        signal.throwIfAborted();
        if (isMissing(error)) return { kind: "missing" };
        const reason = asPullamaError(error).message;
        if (!isReadFailure(error)) return { kind: "unreadable", reason };
        this.ledger.forget(digest);
        return { kind: "unreadable", reason, lost: true };
      } finally {
        await run.close();
      }
    }
  }

  /** Keeps the digests of its parts, unless there are some: `ollama pull` makes none. */
  async #keep({ digest }: Target, size: number, parts: readonly PrefixDigest[]): Promise<void> {
    if (await exists(blobPaths(this.folder.paths, digest).parts)) return;
    await keepParts(this.folder, { digest, size }, parts);
  }
}

/** Whether the path still names the file that was hashed, as it was. */
function isUnchanged(file: HashedFile, named: Deno.FileInfo): boolean {
  return file.ino === named.ino && file.dev === named.dev && file.size === named.size &&
    file.mtimeMs === (named.mtime?.getTime() ?? 0);
}
