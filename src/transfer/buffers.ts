/** Bytes from a connection into a blob: gathered to sensible writes, and none that arrived is lost. */

import { PullamaError } from "../core/errors.ts";
import type { Range } from "../core/ranges.ts";
import type { ByteReader } from "../io/byte_reader.ts";
import type { Writer } from "../core/content.ts";

/** What one read may bring. */
const READ = 128 * 1024;
/**
 * What one write brings to disk, on a fast line. A kill costs a connection at most two of them, one that is
 * gathered and one that is being written, and a read: less than a MiB.
 */
const WRITE = 384 * 1024;
/** How long bytes may wait for more of their kind before they are written, in milliseconds. */
const LINGER_MS = 200;

/**
 * What one connection reads and gathers in, one range after another: the runtime is slow to take back
 * what would be made anew for each.
 */
export class ConnectionBuffers {
  #read: Uint8Array<ArrayBuffer> | undefined;
  #write: [Uint8Array, Uint8Array] | undefined;

  /** For one read, which takes the memory away until it ends, for good if it fails. */
  forRead(): Uint8Array<ArrayBuffer> {
    const memory = this.#read ?? new Uint8Array(READ);
    this.#read = undefined;
    return memory;
  }

  /** The memory of a read is back; what was in it may be overwritten from the next read on. */
  giveBack(memory: ArrayBuffer): void {
    this.#read = new Uint8Array(memory);
  }

  /** One to gather in while the other is written. */
  forWrites(): [Uint8Array, Uint8Array] {
    return this.#write ??= [new Uint8Array(WRITE), new Uint8Array(WRITE)];
  }
}

/** Bytes gathered for one writer. The next ones are gathered while the last are being written. */
export class WriteBuffer {
  #filling: Uint8Array;
  #spare: Uint8Array;
  #count = 0;
  #since = 0;
  #writing: Promise<void> = Promise.resolve();

  /** `wrote` hears of every write that has reached the disk. */
  constructor(
    private readonly writer: Writer,
    private readonly now: () => number,
    private readonly wrote: (count: number) => void,
    memory: ConnectionBuffers = new ConnectionBuffers(),
  ) {
    [this.#filling, this.#spare] = memory.forWrites();
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

  /** Returns when everything is written. */
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
    // Whoever comes next sees the failure; nobody may come.
    this.#writing.catch(() => {});
  }
}

/** A stream that is read in order, some of it thrown away. */
export class BodyReader {
  /** The offset in the blob of the byte that comes next. */
  position: number;
  #rest: Uint8Array = new Uint8Array(0);

  /** `range` is what comes. */
  constructor(
    private readonly reader: ByteReader,
    { start }: Range,
    private readonly arrived: (count: number) => void,
    private readonly memory: ConnectionBuffers = new ConnectionBuffers(),
  ) {
    this.position = start;
  }

  /** The next bytes, at most `most`; undefined at the end of the stream. */
  async next(most: number): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const { value, done } = await this.#read();
      if (value) {
        this.arrived(value.length);
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

  /** Reads on to `position`; false if the stream ends before. */
  async skipTo(position: number): Promise<boolean> {
    while (this.position < position) {
      if (!await this.next(position - this.position)) return false;
    }
    return true;
  }

  async #read(): Promise<{ value: Uint8Array | undefined; done: boolean }> {
    try {
      const { value, done } = await this.reader.read(this.memory.forRead());
      if (value) this.memory.giveBack(value.buffer);
      return { value, done };
    } catch (error) {
      if (error instanceof PullamaError) throw error;
      throw new PullamaError("network", "the connection broke off", {
        cause: error,
        hint: "check the network connection",
      });
    }
  }
}
