/** Reading a byte stream piece by piece, with stages that look at or hold back what passes. */

/** One piece: a view on the buffer that was given, which belongs to the reader until then. */
export interface Piece {
  readonly value: Uint8Array<ArrayBuffer> | undefined;
  readonly done: boolean;
}

/** Where bytes come from. A stage wraps one and is one. */
export interface ByteReader {
  /** The next bytes, in `buffer`, whose memory goes back and forth with each call. */
  read(buffer: Uint8Array<ArrayBuffer>): Promise<Piece>;
  /** No more bytes are wanted; never rejects. */
  cancel(): Promise<void>;
}

/** The bytes of a stream without stages. */
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
