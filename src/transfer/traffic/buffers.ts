/** Buffers between a connection and a blob: reads in order, writes of a sensible size, no byte lost. */

import type { Writer } from "../../core/content.ts";
import { PullamaError } from "../../core/errors.ts";
import type { Range } from "../../core/ranges.ts";
import type { ByteReader } from "../../io/byte_reader.ts";

const KIB = 1024;

/**
 * Bytes of one read and of one write at most, for the first so many connections. A kill costs a connection at most two
 * writes, one that is filled and one that is being written, and a read: less than a MiB.
 */
const SIZES = [
  { first: 8, read: 128 * KIB, write: 384 * KIB },
  { first: 16, read: 128 * KIB, write: 192 * KIB },
  { first: Infinity, read: 64 * KIB, write: 64 * KIB },
];
/** How long bytes may wait for more before they are written, in milliseconds. */
const LINGER_MS = 200;

/**
 * The buffers of one connection, used for one range after another: the runtime is slow to free what would be
 * allocated anew for each.
 */
export class ConnectionBuffers {
  readonly #size: { readonly read: number; readonly write: number };
  #read: Uint8Array<ArrayBuffer> | undefined;
  #write: [Uint8Array, Uint8Array] | undefined;

  /** Of the connection that is the `number`th, from 0: each is slower where there are many. */
  constructor(number = 0) {
    this.#size = SIZES.find(({ first }) => number < first) ?? SIZES.at(-1)!;
  }

  /** For one read, which takes the memory until it ends, and keeps it if it fails. */
  forRead(): Uint8Array<ArrayBuffer> {
    const memory = this.#read ?? new Uint8Array(this.#size.read);
    this.#read = undefined;
    return memory;
  }

  /** Takes the memory of a read back; its bytes are overwritten by the next read. */
  giveBack(memory: ArrayBuffer): void {
    this.#read = new Uint8Array(memory);
  }

  /** One to fill while the other is written. They belong to one `WriteBuffer` until that is flushed. */
  forWrites(): [Uint8Array, Uint8Array] {
    const { write } = this.#size;
    return this.#write ??= [new Uint8Array(write), new Uint8Array(write)];
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
      const part = bytes.subarray(done, done + this.#filling.length - this.#count);
      this.#filling.set(part, this.#count);
      this.#count += part.length;
      done += part.length;
      if (this.#count === this.#filling.length) await this.#write();
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

/** The failure of a body that ended before its end. */
export function cutShort(position: number, end: number): PullamaError {
  return new PullamaError(
    "network",
    `the connection was closed ${end - position} bytes before the end of the response`,
    { hint: "check the network connection" },
  );
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

  /** Resolves when bytes have arrived; false: at the end of the body. */
  async arrived(): Promise<boolean> {
    const bytes = await this.next(0);
    return bytes !== undefined;
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
