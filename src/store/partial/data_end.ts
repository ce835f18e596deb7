/** Where the data in a file ends that was made at full length and is filled from the beginning of each part. */

import { fileError } from "../../io/file_error.ts";

/** Writes may have ended in the middle of a block. */
export const BLOCK = 4096;
const SCAN = 1024 * 1024;

/**
 * The start of the last block within `[start, end)` that is not all zeros; `start` if there is none. Holes read as
 * zeros. Blocks are counted from `start`.
 */
export async function lastBlockIn(
  file: Deno.FsFile,
  path: string,
  { start, end }: { readonly start: number; readonly end: number },
  signal?: AbortSignal,
): Promise<number> {
  const words = new Uint32Array(SCAN / 4);
  const bytes = new Uint8Array(words.buffer);
  try {
    for (let to = end; to > start;) {
      signal?.throwIfAborted();
      const from = Math.max(start, start + Math.floor((to - 1 - start) / SCAN) * SCAN);
      words.fill(0);
      await file.seek(from, Deno.SeekMode.Start);
      for (let read = 0; read < to - from;) {
        const count = await file.read(bytes.subarray(read, to - from));
        if (count === null) break;
        read += count;
      }
      let last = words.length - 1;
      while (last >= 0 && words[last] === 0) last--;
      if (last >= 0) return from + Math.floor(last * 4 / BLOCK) * BLOCK;
      to = from;
    }
    return start;
  } catch (error) {
    signal?.throwIfAborted();
    throw fileError(error, "read", path);
  }
}
