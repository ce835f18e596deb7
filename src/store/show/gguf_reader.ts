/** Reads numbers and strings from the start of an untrusted file. */

/** Bytes per read. */
const PIECE = 64 * 2 ** 10;

/** Bytes with random access. */
export interface ByteSource {
  /**
   * Reads bytes from offset `at` into the start of `into`; resolves with their number, 0 at the
   * end.
   */
  read(at: number, into: Uint8Array): Promise<number>;
}

/** An error in the file; the message is the reason, as it follows a colon. */
export class Malformed extends Error {}

/** Reads a source forward, piece by piece, and no byte twice. */
export class PieceReader {
  /** Whether numbers are little-endian. */
  little = true;
  /** Counts and lengths have 4 bytes instead of 8. */
  narrow = false;
  readonly #buffer = new Uint8Array(PIECE);
  readonly #view = new DataView(this.#buffer.buffer);
  /**
   * Offset in the source of the first byte in the buffer, and the number of bytes in the buffer.
   */
  #start = 0;
  #length = 0;
  /** Index in the buffer of the next byte; beyond its end after a skip. */
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
      ? shortest(this.#view.getFloat32(at, this.little))
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

  /** A count or a length. Values that a double cannot represent exactly are rounded. */
  async count(): Promise<number> {
    return this.narrow ? await this.number(4) : Number(await this.big(false));
  }

  /** A string; undefined if it is longer than `most` bytes, which are skipped. */
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

  /**
   * Skips a string without waiting; false if its length is not in the buffer. Fast, since an array
   * may have half a million strings.
   */
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

  /** Reads until the buffer has at least `count` bytes from the current position. */
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
      if (got === 0) throw new Malformed("unexpected end of file");
      this.#length += got;
    }
  }

  #tooLong(): Malformed {
    return new Malformed(`header longer than ${this.limit} bytes`);
  }
}

/** The shortest decimal number that rounds to this one of 32 bits: 0.1, not 0.10000000149011612. */
function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
