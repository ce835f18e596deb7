/**
 * Which files were hashed and found right, so that a blob of 40 GB is not read again for every pull.
 * An entry counts only while size, time and inode are still the same. It is a memory, never a proof of
 * anything else: whatever cannot be read is forgotten, and costs one hash.
 */

import * as v from "valibot";
import type { Digest } from "../../core/digest.ts";
import type { Disk, Ownership } from "../../io/disk.ts";
import { replaceFile } from "../../io/atomic.ts";
import type { Paths } from "./paths.ts";

const Entry = v.object({
  size: v.number(),
  mtime_ms: v.number(),
  inode: v.number(),
  verified_at: v.string(),
});

const File = v.object({ version: v.literal(1), blobs: v.record(v.string(), Entry) });

type Entry = v.InferOutput<typeof Entry>;

/** The ledger of one models folder. Notes are kept in memory until `save`. */
export class Ledger {
  /** Undefined: to be forgotten. */
  #noted = new Map<Digest, Entry | undefined>();
  #saving: Promise<void> = Promise.resolve();

  private constructor(
    private readonly disk: Disk,
    private readonly paths: Paths,
    private readonly ownership: () => Ownership,
    private known: Map<string, Entry>,
  ) {}

  /** Reads what is there. `look` is asked at each save. */
  static async open(disk: Disk, paths: Paths, ownership: () => Ownership): Promise<Ledger> {
    return new Ledger(disk, paths, ownership, await read(paths.ledger));
  }

  /** Whether this very file was hashed and had this digest. */
  vouchesFor(digest: Digest, file: Deno.FileInfo): boolean {
    const entry = this.#noted.has(digest) ? this.#noted.get(digest) : this.known.get(digest);
    return entry !== undefined && entry.size === file.size &&
      entry.mtime_ms === timeOf(file) && entry.inode === (file.ino ?? 0);
  }

  /** Remembers that `file` was hashed, or renamed or touched by us after it was, and had this digest. */
  note(digest: Digest, file: Deno.FileInfo): void {
    this.#noted.set(digest, {
      size: file.size,
      mtime_ms: timeOf(file),
      inode: file.ino ?? 0,
      verified_at: new Date().toISOString(),
    });
  }

  /** Drops what is known of a blob that was removed. */
  forget(digest: Digest): void {
    if (this.known.has(digest) || this.#noted.has(digest)) this.#noted.set(digest, undefined);
  }

  /**
   * Writes what was noted, over what other processes wrote meanwhile. Never rejects: a note that cannot be
   * written costs one hash and no pull, and is tried again at the next save.
   */
  save(): Promise<void> {
    return this.#saving = this.#saving.then(() => this.#save()).catch(() => {});
  }

  async #save(): Promise<void> {
    if (this.#noted.size === 0) return;
    const noted = new Map(this.#noted);
    const known = await read(this.paths.ledger);
    for (const [digest, entry] of noted) {
      if (entry) known.set(digest, entry);
      else known.delete(digest);
    }
    const text = JSON.stringify({ version: 1, blobs: Object.fromEntries(known) });
    await replaceFile(
      this.disk,
      this.paths.ledger,
      `${this.paths.temporary}/ledger-${crypto.randomUUID()}`,
      new TextEncoder().encode(text),
      this.ownership(),
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
