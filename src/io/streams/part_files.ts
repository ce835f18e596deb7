/** Files that are one: parts of an archive, each but the last of the same size. */

import { PullamaError } from "../../core/errors.ts";
import { fileError } from "../file_error.ts";
import { openForReading } from "../guarded.ts";
import { namesIn, statOf } from "../stat.ts";
import type { ByteSource } from "./file_stream.ts";

interface Part {
  readonly file: Deno.FsFile;
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

/** Several files, read as if they were one; reads may overlap. */
export class PartFiles implements ByteSource, Disposable {
  readonly #parts: readonly Part[];
  /** Reads seek first, so that one has to end before the next. */
  #last: Promise<unknown> = Promise.resolve();
  /** Bytes of all. */
  readonly size: number;

  private constructor(parts: readonly Part[]) {
    this.#parts = parts;
    this.size = parts.at(-1)?.end ?? 0;
  }

  /** Rejects with kind local where one cannot be read. */
  static async open(paths: readonly string[]): Promise<PartFiles> {
    const parts: Part[] = [];
    try {
      let start = 0;
      for (const path of paths) {
        const file = await openForReading(path);
        const end = start + (await file.stat()).size;
        parts.push({ file, path, start, end });
        start = end;
      }
      return new PartFiles(parts);
    } catch (error) {
      for (const { file } of parts) file.close();
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
    if (!part) return 0;
    try {
      await part.file.seek(position - part.start, Deno.SeekMode.Start);
      return await part.file.read(buffer.subarray(0, part.end - position)) ?? 0;
    } catch (error) {
      throw fileError(error, "read", part.path);
    }
  }

  close(): void {
    for (const { file } of this.#parts) file.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The digits at the end of the name of a part. */
const NUMBER = /\.(\d{3,5})$/;

/** The name of a part; the first is number 0. */
export function partPath(path: string, number: number): string {
  return `${path}.${String(number).padStart(3, "0")}`;
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
    const base = one.replace(NUMBER, "");
    const isPart = whole ? await isNumbered(one) : true;
    if (archives.has(isPart ? base : one)) continue;
    const parts = isPart ? await partsOf(base) : [];
    if (parts.length > 0) archives.set(base, parts);
    else if (whole) archives.set(one, [one]);
    else throw fileError(new Deno.errors.NotFound("No such file or directory"), "read", one);
  }
  return [...archives].map(([path, parts]) => ({ path, parts }));
}

/** Whether the number at the end of a name is that of a part: it may be a year. */
async function isNumbered(path: string): Promise<boolean> {
  const number = NUMBER.exec(path)?.[1];
  if (number === undefined) return false;
  return number.length === 3 || await statOf(partPath(path.replace(NUMBER, ""), 0)) !== undefined;
}

/** The parts of `base` from the first on; none where there is no first one. */
async function partsOf(base: string): Promise<readonly string[]> {
  const slash = Math.max(base.lastIndexOf("/"), base.lastIndexOf("\\")) + 1;
  const stem = base.slice(slash);
  const numbers = (await namesIn(slash > 0 ? base.slice(0, slash) : "."))
    .filter((name) => name.replace(NUMBER, "") === stem && NUMBER.test(name))
    .map((name) => Number(NUMBER.exec(name)![1]))
    .sort((a, b) => a - b);
  const gap = numbers.findIndex((number, i) => number !== i);
  if (gap >= 0) {
    throw new PullamaError("usage", `${partPath(base, gap)} is missing`, {
      hint: "put all parts of the archive into one folder",
    });
  }
  return numbers.map((number) => partPath(base, number));
}
