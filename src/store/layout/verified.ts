/**
 * The ledger: which files were hashed and had the right digest, so that a blob of 40 GB is not read again for
 * every pull. An entry counts only while size, modification time and inode are unchanged. It is a cache: an
 * invalid ledger costs hashing again, and so does one that the system cannot read, which is kept.
 */

import * as v from "valibot";
import type { Digest } from "../../core/digest.ts";
import type { Ownership } from "../../io/disk.ts";
import { replaceFile } from "../../io/atomic.ts";
import type { HashedFile } from "../../io/hash.ts";
import { isDenied, isNoFile } from "../../io/file_error.ts";
import { readSmallFile } from "../../io/guarded.ts";
import { waitLock } from "../../io/lock.ts";
import { statOf } from "../../io/stat.ts";
import { type Folder, temporaryPath } from "./folder.ts";
import { isTrusted, trustedUsers } from "./trust.ts";

/** Infinity, as which 1e400 is read, would be saved as null: then nothing of the ledger could be read. */
const number = v.pipe(v.number(), v.finite());

const Entry = v.object({
  size: number,
  mtime_ms: number,
  inode: number,
  verified_at: v.string(),
});

/** Bytes of a ledger at most: that of 100,000 blobs. */
const MOST_BYTES = 16 * 1024 * 1024;
/** Milliseconds that a save waits for that of another process; then it does without the lock. */
const LONGEST_WAIT = 5000;
/** Bytes that take as long to hash as a long ledger takes to write. */
const LONG = 64 * 1024 * 1024;
/** Milliseconds from one save to the next, where it may wait. */
const BETWEEN_SAVES_MS = 5000;

const File = v.object({ version: v.literal(1), blobs: v.record(v.string(), Entry) });

type Entry = v.InferOutput<typeof Entry>;

/** A file as it was when it was hashed. */
export type VerifiedFile = Pick<HashedFile, "size" | "mtimeMs" | "ino" | "uid">;

/** What the ledger compares of a file. */
export function verifiedFile({ size, mtime, ino, uid }: Deno.FileInfo): VerifiedFile {
  return { size, mtimeMs: mtime?.getTime() ?? 0, ino, uid };
}

/** The ledger of one models folder. Entries are kept in memory until `save`. */
export class Ledger {
  #known = new Map<string, Entry>();
  /** Undefined: to be deleted. */
  #noted = new Map<Digest, Entry | undefined>();
  #saving: Promise<void> = Promise.resolve();
  /** When it was saved last, in milliseconds. */
  #savedAt = -Infinity;
  /** The file whose entries are known. */
  #seen: string | undefined;

  private constructor(
    private readonly folder: Folder,
    private readonly ownership: Ownership,
    /** The users whose files are believed. */
    private readonly trusted: ReadonlySet<number>,
  ) {}

  /** Reads the ledger of `folder`. `ownership` is that of the file when it is saved. */
  static async open(folder: Folder, ownership: Ownership = {}): Promise<Ledger> {
    const trusted = await trustedUsers(folder.paths.root);
    const ledger = new Ledger(folder, ownership, trusted);
    await ledger.refresh();
    return ledger;
  }

  /** Reads again what other processes have written meanwhile. */
  async refresh(): Promise<void> {
    const there = await identityOf(this.folder.paths.ledger);
    if (there !== undefined && there === this.#seen) return;
    const known = await read(this.folder.paths.ledger, this.trusted);
    if (!known) return;
    this.#known = known;
    // As it was before: what was written while it was read is read the next time.
    this.#seen = there;
  }

  /** Whether exactly this file was hashed and had this digest, and only its owner could have hidden a change since. */
  vouchesFor(digest: Digest, file: VerifiedFile): boolean {
    const entry = this.#noted.has(digest) ? this.#noted.get(digest) : this.#known.get(digest);
    return entry !== undefined && entry.size === file.size && entry.mtime_ms === file.mtimeMs &&
      entry.inode === (file.ino ?? 0) && isTrusted(file.uid, this.trusted);
  }

  /** Whether some file of this digest was verified. */
  knows(digest: Digest): boolean {
    return this.#noted.has(digest)
      ? this.#noted.get(digest) !== undefined
      : this.#known.has(digest);
  }

  /** Remembers that `file` was hashed and had this digest; to be repeated after we rename or touch it. */
  note(digest: Digest, file: VerifiedFile): void {
    this.#noted.set(digest, {
      size: file.size,
      mtime_ms: file.mtimeMs,
      inode: file.ino ?? 0,
      verified_at: new Date().toISOString(),
    });
  }

  /** Deletes the entry of a blob that was removed. */
  forget(digest: Digest): void {
    if (this.#known.has(digest) || this.#noted.has(digest)) this.#noted.set(digest, undefined);
  }

  /**
   * Adds the new entries to what other processes wrote meanwhile. Never rejects: an entry that cannot be
   * written costs hashing again, and is written at the next save.
   */
  save(): Promise<void> {
    return this.#saving = this.#saving.then(() => this.#save()).catch(() => {});
  }

  /**
   * As `save`, for a blob of `size` bytes that was noted: at once if to hash it again after a kill would take long, else at
   * most every few seconds, since a ledger of thousands of blobs is long too.
   */
  async saveFor(size: number): Promise<void> {
    const isDue = performance.now() - this.#savedAt >= BETWEEN_SAVES_MS;
    if (size >= LONG || isDue) await this.save();
  }

  /** Held while the file is read and replaced, so that no entry of another process is lost. */
  async #lock(): Promise<AsyncDisposable | undefined> {
    const { ownership } = this;
    const lock = this.folder.paths.ledgerLock;
    const signal = AbortSignal.timeout(LONGEST_WAIT);
    const held = await waitLock(lock, { ownership, signal, onWait() {} }).catch(() => undefined);
    return held && {
      // Who waits for it finds out that the file is gone, and makes another one.
      [Symbol.asyncDispose]: async () => {
        await this.folder.disk.remove(lock).catch(() => {});
        held[Symbol.dispose]();
      },
    };
  }

  async #save(): Promise<void> {
    if (this.#noted.size === 0) return;
    this.#savedAt = performance.now();
    const noted = new Map(this.#noted);
    const { disk, paths } = this.folder;
    await using _lock = await this.#lock();
    const known = await read(paths.ledger, this.trusted);
    // To replace it would lose all of its entries.
    if (!known) return;
    for (const [digest, entry] of noted) {
      if (entry) known.set(digest, entry);
      else known.delete(digest);
    }
    const text = JSON.stringify({ version: 1, blobs: Object.fromEntries(known) });
    await replaceFile(
      disk,
      paths.ledger,
      temporaryPath(this.folder, "ledger-"),
      new TextEncoder().encode(text),
      this.ownership,
    );
    this.#known = known;
    for (const [digest, entry] of noted) {
      if (this.#noted.get(digest) === entry) this.#noted.delete(digest);
    }
  }
}

/**
 * A ledger of a user who is not trusted, or that this user may not read, is no ledger. Undefined: there may be one, but
 * the system has failed to read it.
 */
async function read(
  path: string,
  trusted: ReadonlySet<number>,
): Promise<Map<string, Entry> | undefined> {
  try {
    const file = await readSmallFile(path, MOST_BYTES);
    return file && isTrusted(file.uid, trusted) ? entriesOf(file.bytes) : new Map();
  } catch (error) {
    return isNoFile(error) || isDenied(error) ? new Map() : undefined;
  }
}

/** Undefined where there is none. Each save makes another file. */
async function identityOf(path: string): Promise<string | undefined> {
  const file = await statOf(path).catch(() => undefined);
  return file && [file.ino, file.size, file.mtime?.getTime()].join();
}

/** None where it is invalid. */
function entriesOf(bytes: Uint8Array): Map<string, Entry> {
  try {
    const data = JSON.parse(new TextDecoder().decode(bytes));
    return new Map(Object.entries(v.parse(File, data).blobs));
  } catch {
    return new Map();
  }
}
