/** Reads what the user names as input: a file, a pipe, or stdin. */

import { PullamaError } from "../core/errors.ts";
import { formatSize } from "../core/units.ts";
import { onAbort } from "./abort.ts";
import { fileError } from "./file_error.ts";

/**
 * All of the file at `path`, or of stdin for "-", at most `most` bytes. Waits for a pipe until `signal` is aborted.
 * Rejects with kind `local` where it cannot be read, `usage` where it is larger, and the reason of `signal`.
 */
export async function readInput(
  path: string,
  most: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const name = path === "-" ? "standard input" : path;
  signal.throwIfAborted();
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    const stream = path === "-" ? Deno.stdin.readable : (await Deno.open(path)).readable;
    reader = stream.getReader();
    using _ended = onAbort(signal, () => void reader!.cancel().catch(() => {}));
    for (;;) {
      const { value, done } = await reader.read();
      signal.throwIfAborted();
      if (done) break;
      size += value.length;
      if (size > most) break;
      pieces.push(value);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw fileError(error, "read", name);
  } finally {
    await reader?.cancel().catch(() => {});
  }
  if (size <= most) return new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer());
  throw new PullamaError("usage", `${name} is larger than ${formatSize(most)}`, {
    hint: "it must be a list, a line each",
  });
}
