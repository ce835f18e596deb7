/**
 * Which blobs are what their names say. Those that pullama verified, and that have not changed since, are known. Others,
 * such as those of `ollama pull`, are hashed once by a Worker while they are sent already: the last byte of a blob
 * is given away only when its digest is known to be right.
 */

import { type Digest, EMPTY_DIGEST } from "../../core/digest.ts";
import { Hasher } from "../../io/hash.ts";
import { identityOf, lstatOf } from "../../io/stat.ts";
import type { Folder } from "../layout/folder.ts";
import { blobPaths } from "../layout/paths.ts";
import { Ledger, verifiedFile } from "../layout/verified.ts";

/** Bytes of a blob that is hashed at once; of larger ones one at a time, so that the first is known soon. */
const SMALL = 32 * 1024 * 1024;

/** What is known of a file. */
export interface Proof {
  /** Undefined: it is being hashed. */
  readonly isRight: boolean | undefined;
  /** Undefined: the file could not be hashed, or was changed meanwhile. Never rejects. */
  readonly verdict: Promise<boolean | undefined>;
  /** It was verified, and has changed since. */
  readonly changed: boolean;
}

interface Verdict {
  readonly file: string;
  readonly verdict: Promise<boolean | undefined>;
  isRight: boolean | undefined;
}

export class Proofs implements Disposable {
  #hasher = new Hasher();
  #disposed = false;
  readonly #verdicts = new Map<Digest, Verdict>();
  /** Settles when no large blob is being hashed. */
  #large: Promise<unknown> = Promise.resolve();

  private constructor(private readonly folder: Folder, private readonly ledger: Ledger) {}

  static async open(folder: Folder): Promise<Proofs> {
    return new Proofs(folder, await Ledger.open(folder));
  }

  /** Reads what other processes have verified meanwhile. */
  async refresh(): Promise<void> {
    await this.ledger.refresh();
  }

  /** What is known of the open file of a blob. Hashing begins with the first call. */
  of(digest: Digest, info: Deno.FileInfo): Proof {
    if (this.ledger.vouchesFor(digest, verifiedFile(info))) return RIGHT;
    if (info.size === 0) return digest === EMPTY_DIGEST ? RIGHT : WRONG;
    const file = identityOf(info);
    let known = this.#verdicts.get(digest);
    if (known?.file !== file) {
      known = this.#begin(digest, info.size, file);
      this.#verdicts.set(digest, known);
    }
    const { isRight, verdict } = known;
    return { isRight, verdict, changed: this.ledger.knows(digest) };
  }

  /** Whether this file was hashed, and is not what its name says. */
  isWrong(digest: Digest, info: Deno.FileInfo): boolean {
    const known = this.#verdicts.get(digest);
    return known?.isRight === false && known.file === identityOf(info) &&
      !this.ledger.vouchesFor(digest, verifiedFile(info));
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#hasher[Symbol.dispose]();
  }

  #begin(digest: Digest, size: number, file: string): Verdict {
    const hash = () => this.#hash(digest, size, file);
    const hashed = size <= SMALL ? hash() : this.#large.then(hash);
    const verdict = hashed.catch(() => undefined);
    if (size > SMALL) this.#large = verdict;
    const known: Verdict = { file, verdict, isRight: undefined };
    void verdict.then((isRight) => {
      known.isRight = isRight;
      // What failed once may succeed at the next request.
      if (isRight === undefined && this.#verdicts.get(digest) === known) {
        this.#verdicts.delete(digest);
      }
    });
    return known;
  }

  /** Undefined: the path led to another file, or the file was changed, meanwhile. Rejects where it cannot be read. */
  async #hash(digest: Digest, size: number, file: string): Promise<boolean | undefined> {
    if (this.#hasher.ended && !this.#disposed) this.#hasher = new Hasher();
    const path = blobPaths(this.folder.paths, digest).final;
    const run = this.#hasher.follow(path, 0);
    let isRight: boolean;
    try {
      isRight = await run.extend(size, digest);
    } finally {
      await run.close();
    }
    const info = await lstatOf(path);
    return info && identityOf(info) === file ? isRight : undefined;
  }
}

const RIGHT: Proof = { isRight: true, verdict: Promise.resolve(true), changed: false };
const WRONG: Proof = { isRight: false, verdict: Promise.resolve(false), changed: false };
