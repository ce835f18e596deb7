/**
 * Writes an archive to files that get their names when all is written. What an earlier run has written is found again
 * under the names of drafts: it can be read, and continued.
 */

import { PullamaError } from "../../core/errors.ts";
import { folderOf } from "../atomic.ts";
import type { Disk, DiskFile } from "../disk.ts";
import { isExisting } from "../file_error.ts";
import { tryLockExisting } from "../lock.ts";
import { lstatOf } from "../stat.ts";
import { PartFiles, partPath } from "./part_files.ts";

export interface PartOptions {
  readonly disk: Disk;
  readonly path: string;
  /** Bytes of each part but the last; Infinity: all is in one file. */
  readonly partSize: number;
  /** Replace an archive that is there. */
  readonly replace: boolean;
}

/** Ends the name of what is not finished. */
export const DRAFT = ".partial";

export class PartWriter implements Disposable {
  /** Bytes of an earlier run that are still there, from the first on. */
  #kept: number;
  #position: number;
  #file: DiskFile | undefined;
  #number = -1;
  readonly #held = new DisposableStack();

  private constructor(private readonly options: PartOptions, private readonly before: PartFiles) {
    this.#kept = this.#position = before.size;
    this.#held.use(before);
  }

  /**
   * Rejects with `usage` where the archive exists, `busy` where another process is writing it, and kind local. What is
   * there is not changed, except that parts which already got their names are drafts again.
   */
  static async open(options: PartOptions): Promise<PartWriter> {
    const { disk, path, partSize, replace } = options;
    const [first, draft] = [nameOf(options, 0), draftOf(options, 0)];
    const found = await lstatOf(first);
    // A kill between two renames leaves the first part finished, and a later one not.
    const isHalfNamed = partSize < Infinity && found && !await lstatOf(draft) &&
      await hasDraft(options);
    if (found && !isHalfNamed && !replace) {
      throw new PullamaError("usage", `${first} exists`, {
        hint: "choose another name, or replace it with --force",
      });
    }
    if (isHalfNamed) {
      for (
        let i = 0;
        await lstatOf(nameOf(options, i)) && !await lstatOf(draftOf(options, i));
        i++
      ) {
        await disk.rename(nameOf(options, i), draftOf(options, i));
      }
    }
    try {
      (await disk.open(draft, "new")).close();
    } catch (error) {
      if (!isExisting(error)) throw error;
    }
    using stack = new DisposableStack();
    const lock = await tryLockExisting(draft);
    if (!lock) throw new PullamaError("busy", `another process is writing ${path}`);
    stack.use(lock);
    const parts: string[] = [];
    for (let i = 0;; i++) {
      const part = draftOf(options, i);
      const info = await lstatOf(part);
      if (!info) break;
      if (info.size > partSize) {
        using file = await disk.open(part, "existing");
        await file.truncate(partSize);
      }
      parts.push(part);
      if (info.size < partSize) break;
    }
    const writer = new PartWriter(options, await PartFiles.open(parts));
    writer.#held.use(stack.move());
    return writer;
  }

  get kept(): number {
    return this.#kept;
  }

  /** Reads what is kept. */
  readAt(buffer: Uint8Array, position: number): Promise<number> {
    return this.before.readAt(buffer.subarray(0, this.#kept - position), position);
  }

  /** Drops everything from `position` on, which is where the next bytes are written. */
  async cut(position: number): Promise<void> {
    if (position >= this.#position) return;
    this.#kept = Math.min(this.#kept, position);
    this.#position = position;
    const { partSize } = this.options;
    const number = partSize === Infinity ? 0 : Math.floor(position / partSize);
    const file = await this.#open(number);
    await file.truncate(position - (partSize === Infinity ? 0 : number * partSize));
  }

  /** Writes the next bytes. */
  async write(bytes: Uint8Array): Promise<void> {
    const { partSize } = this.options;
    for (let done = 0; done < bytes.length;) {
      const number = partSize === Infinity ? 0 : Math.floor(this.#position / partSize);
      const at = this.#position - (number === 0 ? 0 : number * partSize);
      const file = await this.#open(number);
      const piece = bytes.subarray(done, done + partSize - at);
      await file.writeAt(piece, at);
      done += piece.length;
      this.#position += piece.length;
    }
  }

  /** Makes all of it durable and gives it its names, which are returned. */
  async finish(): Promise<readonly string[]> {
    const { options, options: { disk, path, partSize } } = this;
    const count = partSize === Infinity ? 1 : Math.ceil(this.#position / partSize);
    // One that a former run has finished may never have reached the disk.
    for (let i = 0; i < count; i++) await (await this.#open(i)).sync();
    this.#close();
    this.#held.dispose();
    for (let i = count; await lstatOf(draftOf(options, i)) && partSize < Infinity; i++) {
      await disk.remove(draftOf(options, i));
    }
    const names = Array.from({ length: count }, (_, i) => nameOf(options, i));
    for (const [i, name] of names.entries()) await disk.rename(draftOf(options, i), name);
    for (let i = count; await lstatOf(nameOf(options, i)) && partSize < Infinity; i++) {
      await disk.remove(nameOf(options, i));
    }
    await disk.syncFolder(folderOf(path));
    return names;
  }

  [Symbol.dispose](): void {
    this.#close();
    this.#held.dispose();
  }

  async #open(number: number): Promise<DiskFile> {
    if (this.#file && this.#number === number) return this.#file;
    this.#close();
    const { disk } = this.options;
    const path = draftOf(this.options, number);
    const file = await disk.open(path, await lstatOf(path) ? "existing" : "new");
    this.#number = number;
    return this.#file = file;
  }

  #close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

function nameOf({ path, partSize }: PartOptions, number: number): string {
  return partSize === Infinity ? path : partPath(path, number);
}

function draftOf(options: PartOptions, number: number): string {
  return nameOf(options, number) + DRAFT;
}

/** Whether a part after finished ones is a draft. */
async function hasDraft(options: PartOptions): Promise<boolean> {
  let i = 0;
  while (await lstatOf(nameOf(options, i))) i++;
  return await lstatOf(draftOf(options, i)) !== undefined;
}
