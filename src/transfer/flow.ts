/** Bytes from a connection into a blob: gathered to sensible writes, and none that arrived is lost. */

import { PullamaError } from "../core/errors.ts";
import type { Range } from "../core/ranges.ts";
import type { ByteReader } from "../io/bytes.ts";
import type { Writer } from "./ports.ts";

/** What one read may bring. */
const READ = 128 * 1024;
/**
 * What one write brings to disk, on a fast line. A kill costs a connection at most two of them, one that is
 * gathered and one that is being written, and a read: less than a MiB.
 */
const WRITE = 384 * 1024;
/** How long bytes may wait for more of their kind before they are written, in milliseconds. */
const LINGER_MS = 200;

/** Bytes gathered for one writer. The next ones are gathered while the last are being written. */
export class Gathering {
  #filling = new Uint8Array(WRITE);
  #spare = new Uint8Array(WRITE);
  #count = 0;
  #since = 0;
  #writing: Promise<void> = Promise.resolve();

  /** `wrote` hears of every write that has reached the disk. */
  constructor(
    private readonly writer: Writer,
    private readonly now: () => number,
    private readonly wrote: (count: number) => void,
  ) {}

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
export class Stream {
  /** The offset in the blob of the byte that comes next. */
  position: number;
  #buffer: Uint8Array<ArrayBuffer>;
  #rest: Uint8Array = new Uint8Array(0);

  /** `range` is what comes, which is not empty. */
  constructor(
    private readonly reader: ByteReader,
    { start, end }: Range,
    private readonly arrived: (count: number) => void,
  ) {
    this.position = start;
    this.#buffer = new Uint8Array(Math.min(READ, end - start));
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
      const { value, done } = await this.reader.read(this.#buffer);
      // The memory comes back with the bytes; it is free again when they have been copied.
      if (value) this.#buffer = new Uint8Array(value.buffer);
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
