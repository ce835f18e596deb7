/**
 * Writes an archive to files that get their names when all is written. What an earlier run has written is found again
 * under the names of drafts: it can be read, and continued.
 */

import { PullamaError } from "../../core/errors.ts";
import { folderOf } from "../atomic.ts";
import type { Disk, DiskFile } from "../disk.ts";
import { type Lock, tryLock } from "../lock.ts";
import { fileError } from "../file_error.ts";
import { lstatOf, statOf } from "../stat.ts";
import { dropSecondName, nameNew } from "./naming.ts";
import { numbersIn, PartFiles, partPath } from "./part_files.ts";

export interface PartOptions {
  readonly disk: Disk;
  readonly path: string;
  /** Bytes of each part but the last; Infinity: all is in one file. */
  readonly partSize: number;
  /** Replace an archive that is there. */
  readonly replace: boolean;
}

/** Ends the name of what is not finished. */
const DRAFT = ".partial";
const LOCK = `${DRAFT}.lock`;

export class PartWriter implements AsyncDisposable {
  /** Bytes of an earlier run that are still there, from the first on. */
  #kept: number;
  #position: number;
  #file: DiskFile | undefined;
  #number = -1;

  private constructor(
    private readonly options: PartOptions,
    private readonly lock: Lock,
    private readonly before: PartFiles,
  ) {
    this.#kept = this.#position = before.size;
  }

  /**
   * Rejects with `usage` where the archive exists, or its name is that of something else, `busy` where another process
   * is writing it, and kind local. Of what is there nothing changes but drafts that cannot be continued.
   */
  static async open(options: PartOptions): Promise<PartWriter> {
    const { disk, path, partSize } = options;
    const isSplit = partSize < Infinity;
    if (!await statOf(folderOf(path))) {
      throw fileError(new Deno.errors.NotFound("No such file or directory"), "create", path);
    }
    const lock = await tryLock(path + LOCK);
    if (!lock) throw new PullamaError("busy", `another process is writing ${path}`);
    try {
      await (isSplit ? takeParts(options) : requireFree(options));
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
      if (isSplit) await removeDrafts(options, parts.length);
      return new PartWriter(options, lock, await PartFiles.open(parts));
    } catch (error) {
      await release(options, lock);
      throw error;
    }
  }

  get kept(): number {
    return this.#kept;
  }

  /** Reads what is kept. */
  readAt(buffer: Uint8Array, position: number): Promise<number> {
    return this.before.readAt(buffer.subarray(0, Math.max(0, this.#kept - position)), position);
  }

  /** Drops everything from `position` on, which is where the next bytes are written. */
  async cut(position: number): Promise<void> {
    if (position >= this.#position) return;
    this.#kept = Math.min(this.#kept, position);
    this.#position = position;
    const [number, at] = this.#placeOf(position);
    // A part of no bytes is none: the next bytes make it.
    const left = number > 0 && at === 0 ? number : number + 1;
    if (left > number) await (await this.#open(number)).truncate(at);
    else this.#close();
    if (this.options.partSize === Infinity) return;
    // On Windows the name of a file that is open stays when it is removed.
    this.before.closeFrom(left);
    await removeDrafts(this.options, left);
  }

  /** Writes the next bytes. */
  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const [number, at] = this.#placeOf(this.#position);
      const file = await this.#open(number);
      const piece = bytes.subarray(done, done + this.options.partSize - at);
      await file.writeAt(piece, at);
      done += piece.length;
      this.#position += piece.length;
    }
  }

  /**
   * Makes all of it durable and gives it its names, which are returned. Rejects with `usage` where another program has
   * made a file of such a name meanwhile: then all is kept as drafts.
   */
  async finish(): Promise<readonly string[]> {
    const { options, options: { disk, path, partSize, replace } } = this;
    const isSplit = partSize < Infinity;
    const count = isSplit ? Math.ceil(this.#position / partSize) : 1;
    for (let i = 0; i < count; i++) {
      // One that a former run has finished may never have reached the disk.
      await (await this.#open(i)).sync();
      const size = (await lstatOf(draftOf(options, i)))?.size;
      const expected = Math.min(partSize, this.#position - (isSplit ? i * partSize : 0));
      if (size === expected) continue;
      const message = `${draftOf(options, i)} has ${size} bytes, not ${expected}`;
      throw new PullamaError("local", message, { hint: "another program has changed it" });
    }
    this.#close();
    this.before.close();
    // A kill before the first byte of a part leaves its draft.
    if (isSplit) await removeDrafts(options, count);
    const names = Array.from({ length: count }, (_, i) => nameOf(options, i));
    const files = names.map((name, i) => ({ draft: draftOf(options, i), name }));
    if (replace) {
      for (const { draft, name } of files) await disk.rename(draft, name);
    } else {
      const taken = await nameNew(disk, files);
      if (taken !== undefined) throw madeMeanwhile(taken, files[0]!.draft);
    }
    // Those of an archive that had more.
    if (isSplit && replace) {
      for (const number of (await numbersIn(path)).filter((number) => number >= count)) {
        await disk.remove(nameOf(options, number));
      }
    }
    await disk.syncFolder(folderOf(path));
    return names;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    this.before.close();
    await release(this.options, this.lock);
  }

  /** The part that the byte at `position` of the archive is in, and its offset there. */
  #placeOf(position: number): readonly [number: number, at: number] {
    const { partSize } = this.options;
    if (partSize === Infinity) return [0, position];
    const number = Math.floor(position / partSize);
    return [number, position - number * partSize];
  }

  async #open(number: number): Promise<DiskFile> {
    if (this.#file && this.#number === number) return this.#file;
    this.#close();
    const path = draftOf(this.options, number);
    const isThere = await lstatOf(path) !== undefined;
    const file = await this.options.disk.open(path, isThere ? "existing" : "new");
    this.#number = number;
    return this.#file = file;
  }

  #close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

async function requireFree({ disk, path, replace }: PartOptions): Promise<void> {
  await dropSecondName(disk, { draft: path + DRAFT, name: path });
  const found = await lstatOf(path);
  if (!found) return;
  if (!found.isFile && !found.isSymlink) {
    const what = found.isDirectory ? "is a directory" : "is not a regular file";
    throw new PullamaError("usage", `${path} ${what}`, {
      hint: found.isDirectory ? "name a file in it" : "for a pipe, write to standard output: -o -",
    });
  }
  if (!replace) throw exists(path);
}

/**
 * A kill between the steps of `finish` leaves the first parts with their names, and the others as drafts: then all
 * are drafts again. Throws where there is another archive of these names.
 */
async function takeParts(options: PartOptions): Promise<void> {
  const { disk, path, replace } = options;
  const [first] = await numbersIn(path, DRAFT);
  if (first !== undefined) {
    await dropSecondName(disk, { draft: draftOf(options, first), name: nameOf(options, first) });
  }
  if (first !== undefined && first > 0) {
    for (let i = 0; i < first; i++) {
      if (!await lstatOf(nameOf(options, i))) break;
      await disk.rename(nameOf(options, i), draftOf(options, i));
    }
    return;
  }
  const [there] = await numbersIn(path);
  if (there !== undefined && !replace) throw exists(nameOf(options, there));
}

/** Removes the drafts from part `from` on. */
async function removeDrafts(options: PartOptions, from: number): Promise<void> {
  for (const number of await numbersIn(options.path, DRAFT)) {
    if (number >= from) await options.disk.remove(draftOf(options, number));
  }
}

async function release({ disk, path }: PartOptions, lock: Lock): Promise<void> {
  await disk.remove(path + LOCK).catch(() => {});
  lock[Symbol.dispose]();
}

function exists(path: string): PullamaError {
  return new PullamaError("usage", `${path} exists`, {
    hint: "choose another name, or replace it with --force",
  });
}

function madeMeanwhile(path: string, draft: string): PullamaError {
  return new PullamaError("usage", `${path} exists: it was made meanwhile`, {
    hint: `move it away and run the same command again, or replace it with --force: ` +
      `what was written is kept as ${draft}`,
  });
}

function nameOf({ path, partSize }: PartOptions, number: number): string {
  return partSize === Infinity ? path : partPath(path, number);
}

function draftOf(options: PartOptions, number: number): string {
  return nameOf(options, number) + DRAFT;
}
