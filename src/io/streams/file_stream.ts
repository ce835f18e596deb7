/** A range of bytes, read by position, as a stream. */

import type { Range } from "../../core/ranges.ts";
import { onAbort } from "../abort.ts";
import { fileError } from "../file_error.ts";

/** Something with bytes at positions, such as a file. A stream waits for one read before the next. */
export interface ByteSource {
  /** Reads into `buffer` what is at `position`. Returns how many bytes; 0: the end. */
  readAt(buffer: Uint8Array, position: number): Promise<number>;
  close(): void;
}

/** Bytes of one read where the reader gives no buffer of its own. */
const READ = 64 * 1024;

/**
 * The source is closed when all of `range` was read, on failure, when the stream is cancelled or `signal` aborted. The
 * stream ends early where the source does. Failures are about `path`.
 */
export function streamOf(
  source: ByteSource,
  path: string,
  { start, end }: Range,
  signal: AbortSignal,
): ReadableStream<Uint8Array> {
  let at = start;
  let reading = false;
  let ended = false;
  let listener: Disposable | undefined;
  const close = () => {
    ended = true;
    listener?.[Symbol.dispose]();
    // A read that is under way would fail on a closed file.
    if (!reading) source.close();
  };
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: READ,
    start(controller) {
      listener = onAbort(signal, () => {
        close();
        controller.error(signal.reason);
      });
    },
    async pull(controller) {
      const request = controller.byobRequest!;
      const view = new Uint8Array(request.view!.buffer, request.view!.byteOffset);
      const buffer = view.subarray(0, Math.min(request.view!.byteLength, end - at));
      let count = 0;
      reading = true;
      try {
        count = await source.readAt(buffer, at);
      } catch (error) {
        if (!ended) controller.error(fileError(error, "read", path));
      } finally {
        reading = false;
      }
      if (ended) return source.close();
      at += count;
      if (count > 0) request.respond(count);
      // A file that was cut meanwhile ends early, as a connection may.
      if (count > 0 && at < end) return;
      close();
      try {
        controller.close();
        if (count === 0) request.respond(0);
      } catch {
        // It has failed already.
      }
    },
    cancel: close,
  });
}

/** Fills `buffer` with what is at `position`. Returns how many bytes that are: fewer at the end of the source. */
export async function readFully(
  source: Pick<ByteSource, "readAt">,
  buffer: Uint8Array,
  position: number,
): Promise<number> {
  let done = 0;
  while (done < buffer.length) {
    const count = await source.readAt(buffer.subarray(done), position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** An open file as such a source. */
export function fileSource(file: Deno.FsFile): ByteSource {
  /** Where the file is; undefined: unknown. */
  let at: number | undefined;
  return {
    async readAt(buffer, position) {
      if (position !== at) await file.seek(position, Deno.SeekMode.Start);
      at = undefined;
      const count = await file.read(buffer) ?? 0;
      at = position + count;
      return count;
    },
    close: () => file.close(),
  };
}
