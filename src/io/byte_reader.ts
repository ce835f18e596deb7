/** Reads byte streams piece by piece. Readers can be wrapped, to observe or throttle reads. */

/** The result of a read: `value` is a view of the memory that was passed to `read`. */
export interface Piece {
  readonly value: Uint8Array<ArrayBuffer> | undefined;
  readonly done: boolean;
}

/** A source of bytes. A wrapper takes a reader and is one itself. */
export interface ByteReader {
  /** Reads the next bytes into `buffer`. Its memory is transferred: reuse that of the result. */
  read(buffer: Uint8Array<ArrayBuffer>): Promise<Piece>;
  /** Stops reading; never rejects. */
  cancel(): Promise<void>;
}

/** A reader of a stream. */
export function byteReader(stream: ReadableStream<Uint8Array>): ByteReader {
  const reader = stream.getReader({ mode: "byob" });
  return {
    async read(buffer) {
      const { value, done } = await reader.read(buffer);
      return { value: value as Uint8Array<ArrayBuffer> | undefined, done };
    },
    async cancel() {
      await reader.cancel().catch(() => {});
    },
  };
}
