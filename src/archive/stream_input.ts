/** An archive that comes as a stream: read once, from the first byte to the last. */

import type { Input } from "./format.ts";
import { cutOff } from "./contents.ts";

export class StreamInput implements Input {
  #position = 0;
  /** What was received and is not taken yet. */
  #rest: Uint8Array = new Uint8Array();
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #onRead: (position: number) => void;

  /** `onRead` is called with the bytes read so far, also with those that are passed over. */
  constructor(stream: ReadableStream<Uint8Array>, onRead: (position: number) => void) {
    this.#reader = stream.getReader();
    this.#onRead = onRead;
  }

  get position(): number {
    return this.#position;
  }

  async read(length: number): Promise<Uint8Array | undefined> {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const piece = await this.take(length - done);
      if (!piece) {
        if (done === 0) return undefined;
        throw cutOff(length - done);
      }
      bytes.set(piece, done);
      done += piece.length;
    }
    return bytes;
  }

  async skipTo(position: number): Promise<void> {
    while (this.#position < position) {
      // The padding of the last member may be missing.
      if (!await this.take(position - this.#position)) return;
    }
  }

  /** The next bytes, at most `most`; undefined: the stream has ended. */
  async take(most: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const { value, done } = await this.#reader.read();
      if (done) return undefined;
      this.#rest = value;
    }
    const piece = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(piece.length);
    this.#position += piece.length;
    this.#onRead(this.#position);
    return piece;
  }

  /** Reads at most `most` bytes that follow: a program fails where its pipe is not read to the end. */
  async drain(most: number): Promise<void> {
    const end = this.#position + most;
    while (this.#position < end && await this.take(end - this.#position));
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }
}
