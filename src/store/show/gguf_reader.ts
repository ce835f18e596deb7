/** Reading numbers and texts from the front of a file whose lengths cannot be trusted. */

/** What is asked for at a time. */
const PIECE = 64 * 2 ** 10;

/** Something with bytes at places. */
export interface ByteSource {
  /** Bytes from `at` on into the front of `into`; resolves with how many, 0 at the end. */
  read(at: number, into: Uint8Array): Promise<number>;
}

/** What is wrong with a file, as a sentence about it. */
export class Malformed extends Error {}

/** Goes forward through a source, piece by piece, and never looks at a byte twice. */
export class PieceReader {
  /** The order of the bytes of a number: the least first. */
  little = true;
  /** Counts and lengths have 4 bytes, not 8. */
  narrow = false;
  readonly #buffer = new Uint8Array(PIECE);
  readonly #view = new DataView(this.#buffer.buffer);
  /** Place in the source of the first byte in the buffer, and how many there are. */
  #start = 0;
  #length = 0;
  /** Index in the buffer of what comes next; behind its end after a skip. */
  #at = 0;

  constructor(private readonly source: ByteSource, private readonly limit: number) {}

  async number(size: number): Promise<number> {
    if (this.#at + size > this.#length) await this.#load(size);
    const at = this.#at;
    this.#at += size;
    if (size === 1) return this.#view.getUint8(at);
    if (size === 2) return this.#view.getUint16(at, this.little);
    return this.#view.getUint32(at, this.little);
  }

  async float(size: number): Promise<number> {
    if (this.#at + size > this.#length) await this.#load(size);
    const at = this.#at;
    this.#at += size;
    return size === 4
      ? this.#view.getFloat32(at, this.little)
      : this.#view.getFloat64(at, this.little);
  }

  async big(signed: boolean): Promise<bigint> {
    if (this.#at + 8 > this.#length) await this.#load(8);
    const at = this.#at;
    this.#at += 8;
    return signed
      ? this.#view.getBigInt64(at, this.little)
      : this.#view.getBigUint64(at, this.little);
  }

  /** A count or a length. What a double cannot hold becomes a very large number. */
  async count(): Promise<number> {
    return this.narrow ? await this.number(4) : Number(await this.big(false));
  }

  /** A text, or undefined after going past one of more than `most` bytes. */
  async text(most: number): Promise<string | undefined> {
    let left = await this.count();
    if (left > most) {
      this.skip(left);
      return undefined;
    }
    const decoder = new TextDecoder();
    let text = "";
    while (left > 0) {
      if (this.#at >= this.#length) await this.#load(1);
      const end = Math.min(this.#length, this.#at + left);
      text += decoder.decode(this.#buffer.subarray(this.#at, end), { stream: true });
      left -= end - this.#at;
      this.#at = end;
    }
    return text + decoder.decode();
  }

  /** Goes past a text whose length is in the buffer; false where it is not. Half a million of them are usual. */
  skipTextHere(): boolean {
    if (this.narrow || this.#at + 8 > this.#length) return false;
    const [low, high] = this.little ? [0, 4] : [4, 0];
    if (this.#view.getUint32(this.#at + high, this.little) !== 0) return false;
    const length = this.#view.getUint32(this.#at + low, this.little);
    this.#at += 8;
    this.skip(length);
    return true;
  }

  skip(count: number): undefined {
    if (count > this.limit - this.#start - this.#at) throw this.#tooLong();
    this.#at += count;
  }

  /** Brings at least `count` bytes from the current place on into the buffer. */
  async #load(count: number): Promise<void> {
    const kept = Math.max(0, this.#length - this.#at);
    this.#buffer.copyWithin(0, this.#length - kept, this.#length);
    this.#start += this.#at;
    this.#at = 0;
    this.#length = kept;
    while (this.#length < count) {
      const from = this.#start + this.#length;
      const end = Math.min(PIECE, this.limit - this.#start);
      if (end < count) throw this.#tooLong();
      const got = await this.source.read(from, this.#buffer.subarray(this.#length, end));
      if (got === 0) throw new Malformed("it ends within its header");
      this.#length += got;
    }
  }

  #tooLong(): Malformed {
    return new Malformed(`its header is longer than ${this.limit} bytes`);
  }
}
