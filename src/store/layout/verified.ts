/**
 * The ledger: which files were hashed and had the right digest, so that a blob of 40 GB is not read again for
 * every pull. An entry counts only while size, modification time and inode are unchanged. It is a cache: a
 * ledger that cannot be read costs hashing again.
 */

import * as v from "valibot";
import type { Digest } from "../../core/digest.ts";
import type { Ownership } from "../../io/disk.ts";
import { replaceFile } from "../../io/atomic.ts";
import { type Folder, temporaryPath } from "./folder.ts";

const Entry = v.object({
  size: v.number(),
  mtime_ms: v.number(),
  inode: v.number(),
  verified_at: v.string(),
});

const File = v.object({ version: v.literal(1), blobs: v.record(v.string(), Entry) });

type Entry = v.InferOutput<typeof Entry>;

/** The ledger of one models folder. Entries are kept in memory until `save`. */
export class Ledger {
  /** Undefined: to be deleted. */
  #noted = new Map<Digest, Entry | undefined>();
  #saving: Promise<void> = Promise.resolve();

  private constructor(
    private readonly folder: Folder,
    private readonly ownership: Ownership,
    private known: Map<string, Entry>,
  ) {}

  /** Reads the ledger of `folder`. `ownership` is that of the file when it is saved. */
  static async open(folder: Folder, ownership: Ownership = {}): Promise<Ledger> {
    return new Ledger(folder, ownership, await read(folder.paths.ledger));
  }

  /** Whether exactly this file was hashed and had this digest. */
  vouchesFor(digest: Digest, file: Deno.FileInfo): boolean {
    const entry = this.#noted.has(digest) ? this.#noted.get(digest) : this.known.get(digest);
    return entry !== undefined && entry.size === file.size &&
      entry.mtime_ms === timeOf(file) && entry.inode === (file.ino ?? 0);
  }

  /** Remembers that `file` was hashed and had this digest; to be repeated after we rename or touch it. */
  note(digest: Digest, file: Deno.FileInfo): void {
    this.#noted.set(digest, {
      size: file.size,
      mtime_ms: timeOf(file),
      inode: file.ino ?? 0,
      verified_at: new Date().toISOString(),
    });
  }

  /** Deletes the entry of a blob that was removed. */
  forget(digest: Digest): void {
    if (this.known.has(digest) || this.#noted.has(digest)) this.#noted.set(digest, undefined);
  }

  /**
   * Adds the new entries to what other processes wrote meanwhile. Never rejects: an entry that cannot be
   * written costs hashing again, and is written at the next save.
   */
  save(): Promise<void> {
    return this.#saving = this.#saving.then(() => this.#save()).catch(() => {});
  }

  async #save(): Promise<void> {
    if (this.#noted.size === 0) return;
    const noted = new Map(this.#noted);
    const { disk, paths } = this.folder;
    const known = await read(paths.ledger);
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
    this.known = known;
    for (const [digest, entry] of noted) {
      if (this.#noted.get(digest) === entry) this.#noted.delete(digest);
    }
  }
}

function timeOf(file: Deno.FileInfo): number {
  return file.mtime?.getTime() ?? 0;
}

async function read(path: string): Promise<Map<string, Entry>> {
  try {
    return new Map(Object.entries(v.parse(File, JSON.parse(await Deno.readTextFile(path))).blobs));
  } catch {
    return new Map();
  }
}
