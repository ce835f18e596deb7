/** Files that are one: parts of an archive, each but the last of the same size. */

import { PullamaError } from "../../core/errors.ts";
import { fileError } from "../file_error.ts";
import { openForReading } from "../guarded.ts";
import { namesIn, statOf } from "../stat.ts";
import type { ByteSource } from "./file_stream.ts";

interface Part {
  readonly path: string;
  readonly start: number;
  end: number;
  /** Undefined: it is opened when it is read. */
  file: Deno.FsFile | undefined;
}

/** Parts at most: their names sort as numbers do. */
export const MOST_PARTS = 1000;
/** Files that are open at a time, at most: a process may often have 256. */
const MOST_OPEN = 64;

/** Several files, read as if they were one; reads may overlap. */
export class PartFiles implements ByteSource, Disposable {
  readonly #parts: readonly Part[];
  /** Reads seek first, so that one has to end before the next. */
  #last: Promise<unknown> = Promise.resolve();
  /** The part beyond those that stay open. */
  #opened: Part | undefined;
  #closed = false;
  /** Bytes of all. */
  readonly size: number;

  private constructor(parts: readonly Part[]) {
    this.#parts = parts;
    this.size = parts.at(-1)?.end ?? 0;
  }

  /** Opens the first ones, which are all that most archives have. Rejects with kind local where one cannot be read. */
  static async open(paths: readonly string[]): Promise<PartFiles> {
    const parts: Part[] = [];
    try {
      let start = 0;
      for (const path of paths) {
        const file = await openForReading(path);
        const part: Part = { path, start, end: start, file };
        parts.push(part);
        part.end += (await file.stat()).size;
        if (parts.length > MOST_OPEN) {
          file.close();
          part.file = undefined;
        }
        start = part.end;
      }
      return new PartFiles(parts);
    } catch (error) {
      for (const { file } of parts) file?.close();
      throw error;
    }
  }

  readAt(buffer: Uint8Array, position: number): Promise<number> {
    const read = this.#last.then(() => this.#read(buffer, position));
    this.#last = read.catch(() => {});
    return read;
  }

  async #read(buffer: Uint8Array, position: number): Promise<number> {
    const part = this.#parts.find(({ end }) => position < end);
    // One that waited for another read would open the file again.
    if (!part || this.#closed) return 0;
    try {
      const file = await this.#fileOf(part);
      await file.seek(position - part.start, Deno.SeekMode.Start);
      return await file.read(buffer.subarray(0, part.end - position)) ?? 0;
    } catch (error) {
      throw fileError(error, "read", part.path);
    }
  }

  async #fileOf(part: Part): Promise<Deno.FsFile> {
    if (part.file) return part.file;
    this.#opened?.file?.close();
    if (this.#opened) this.#opened.file = undefined;
    part.file = await openForReading(part.path);
    this.#opened = part;
    return part.file;
  }

  close(): void {
    this.#closed = true;
    this.closeFrom(0);
  }

  /** Closes the parts from `first` on, which must not be read again. */
  closeFrom(first: number): void {
    for (const part of this.#parts.slice(first)) {
      part.file?.close();
      part.file = undefined;
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

const NUMBER = /\.(\d{3})$/;

/** The name of a part; the first is number 0. */
export function partPath(path: string, number: number): string {
  return `${path}.${String(number).padStart(3, "0")}`;
}

/** The numbers of the parts of `path` that are there, in order; `ending` follows the number in their names. */
export async function numbersIn(path: string, ending = ""): Promise<readonly number[]> {
  const slash = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1;
  const stem = path.slice(slash);
  return (await namesIn(slash > 0 ? path.slice(0, slash) : "."))
    .filter((name) => name.startsWith(`${stem}.`) && name.endsWith(ending))
    .map((name) => name.slice(0, name.length - ending.length))
    .filter((name) => NUMBER.test(name) && name.replace(NUMBER, "") === stem)
    .map((name) => Number(NUMBER.exec(name)![1]))
    .sort((a, b) => a - b);
}

/**
 * The archives that `given` names, each with its parts in order. All parts may be given, one of them, or the name
 * without a number. Rejects with `usage` where one is missing, and with kind local.
 */
export async function archivesIn(
  given: readonly string[],
): Promise<readonly { readonly path: string; readonly parts: readonly string[] }[]> {
  const archives = new Map<string, readonly string[]>();
  for (const one of given) {
    const whole = await statOf(one);
    if (whole && !whole.isFile) {
      throw new PullamaError("usage", `${one} is not a file`, {
        hint: "for a pipe, read from standard input: … | pullama import -",
      });
    }
    const base = one.replace(NUMBER, "");
    // Any name may end with three digits.
    const isPart = !whole || (base !== one && await statOf(partPath(base, 0)) !== undefined);
    if (archives.has(isPart ? base : one)) continue;
    const parts = isPart ? await partsOf(base) : [];
    if (parts.length > 0) archives.set(base, parts);
    else if (whole) archives.set(one, [one]);
    else throw fileError(new Deno.errors.NotFound("No such file or directory"), "read", one);
  }
  return [...archives].map(([path, parts]) => ({ path, parts }));
}

/** The parts of `base` from the first on; none where there are none. */
async function partsOf(base: string): Promise<readonly string[]> {
  const numbers = await numbersIn(base);
  const gap = numbers.findIndex((number, i) => number !== i);
  if (gap >= 0) {
    throw new PullamaError("usage", `${partPath(base, gap)} is missing`, {
      hint: "put all parts of the archive into one folder",
    });
  }
  return numbers.map((number) => partPath(base, number));
}
