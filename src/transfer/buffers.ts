/** Buffers between a connection and a blob: reads in order, writes of a sensible size, no byte lost. */

import type { Writer } from "../core/content.ts";
import { PullamaError } from "../core/errors.ts";
import type { Range } from "../core/ranges.ts";
import type { ByteReader } from "../io/byte_reader.ts";

/** Bytes of one read at most. */
const READ = 128 * 1024;
/**
 * Bytes of one write on a fast network. A kill costs a connection at most two of them, one that is filled and one
 * that is being written, and a read: less than a MiB.
 */
const WRITE = 384 * 1024;
/** How long bytes may wait for more before they are written, in milliseconds. */
const LINGER_MS = 200;

/**
 * The buffers of one connection, used for one range after another: the runtime is slow to free what would be
 * allocated anew for each.
 */
export class ConnectionBuffers {
  #read: Uint8Array<ArrayBuffer> | undefined;
  #write: [Uint8Array, Uint8Array] | undefined;

  /** For one read, which takes the memory until it ends, and keeps it if it fails. */
  forRead(): Uint8Array<ArrayBuffer> {
    const memory = this.#read ?? new Uint8Array(READ);
    this.#read = undefined;
    return memory;
  }

  /** Takes the memory of a read back; its bytes are overwritten by the next read. */
  giveBack(memory: ArrayBuffer): void {
    this.#read = new Uint8Array(memory);
  }

  /** One to fill while the other is written. They belong to one `WriteBuffer` until that is flushed. */
  forWrites(): [Uint8Array, Uint8Array] {
    return this.#write ??= [new Uint8Array(WRITE), new Uint8Array(WRITE)];
  }
}

/** Collects bytes for one writer. The next ones are collected while the last are being written. */
export class WriteBuffer {
  #filling: Uint8Array;
  #spare: Uint8Array;
  #count = 0;
  #since = 0;
  #writing: Promise<void> = Promise.resolve();

  /** `wrote` is called after each write. */
  constructor(
    private readonly writer: Writer,
    private readonly now: () => number,
    private readonly wrote: (count: number) => void,
    buffers: ConnectionBuffers,
  ) {
    [this.#filling, this.#spare] = buffers.forWrites();
  }

  async add(bytes: Uint8Array): Promise<void> {
    if (this.#count === 0) this.#since = this.now();
    for (let done = 0; done < bytes.length;) {
      const part = bytes.subarray(done, done + WRITE - this.#count);
      this.#filling.set(part, this.#count);
      this.#count += part.length;
      done += part.length;
      if (this.#count === WRITE) await this.#write();
    }
    if (this.#count > 0 && this.now() - this.#since >= LINGER_MS) await this.#write();
  }

  /** Resolves when everything is written. */
  async flush(): Promise<void> {
    if (this.#count > 0) await this.#write();
    await this.#writing;
  }

  async #write(): Promise<void> {
    await this.#writing;
    const bytes = this.#filling.subarray(0, this.#count);
    [this.#filling, this.#spare] = [this.#spare, this.#filling];
    this.#count = 0;
    this.#writing = this.writer.write(bytes).then(() => this.wrote(bytes.length));
    // The next call rejects with the failure; there may be none.
    this.#writing.catch(() => {});
  }
}

/** Reads a body in order, and skips what is not needed. */
export class BodyReader {
  /** The offset in the blob of the next byte. */
  position: number;
  #rest: Uint8Array = new Uint8Array(0);

  /** `start` is the offset of the first byte of the body; `received` is called for each read. */
  constructor(
    private readonly reader: ByteReader,
    { start }: Range,
    private readonly received: (count: number) => void,
    private readonly buffers: ConnectionBuffers,
  ) {
    this.position = start;
  }

  /** The next bytes, at most `most`, valid until the next call; undefined at the end of the body. */
  async next(most: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const { value, done } = await this.#read();
      if (value) {
        this.received(value.length);
        this.#rest = value;
        if (value.length > 0) break;
      }
      if (done) return undefined;
    }
    const bytes = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(bytes.length);
    this.position += bytes.length;
    return bytes;
  }

  /** Skips to `position`; false if the body ends before. */
  async skipTo(position: number): Promise<boolean> {
    while (this.position < position) {
      if (!await this.next(position - this.position)) return false;
    }
    return true;
  }

  async #read(): Promise<{ value: Uint8Array | undefined; done: boolean }> {
    try {
      const { value, done } = await this.reader.read(this.buffers.forRead());
      if (value) this.buffers.giveBack(value.buffer);
      return { value, done };
    } catch (error) {
      if (error instanceof PullamaError) throw error;
      throw new PullamaError("network", "connection lost", {
        cause: error,
        hint: "check the network connection",
      });
    }
  }
}
