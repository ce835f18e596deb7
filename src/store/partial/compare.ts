/** Reading an unfinished blob, to compare it with a second download. */

import { fileError } from "../../io/file_error.ts";
import { openForReading } from "../../io/guarded.ts";

/** Reads parts of a file, which the first read opens. One read at a time. */
export class PartialReader {
  #file: Deno.FsFile | undefined;
  #buffer = new Uint8Array(0);

  constructor(private readonly path: string) {}

  /** `length` bytes from `at` on, fewer where the file ends; valid until the next read. */
  async read(at: number, length: number): Promise<Uint8Array> {
    if (this.#buffer.length < length) this.#buffer = new Uint8Array(length);
    try {
      const file = this.#file ??= await openForReading(this.path);
      await file.seek(at, Deno.SeekMode.Start);
      let count = 0;
      while (count < length) {
        const read = await file.read(this.#buffer.subarray(count, length));
        if (read === null) break;
        count += read;
      }
      return this.#buffer.subarray(0, count);
    } catch (error) {
      throw fileError(error, "read", this.path);
    }
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

/** How many bytes of both, from the first on, are equal. */
export function commonPrefix(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  let i = 0;
  while (i < length && a[i] === b[i]) i++;
  return i;
}
