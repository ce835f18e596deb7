/** Writes headers of GGUF files, valid and invalid ones. */

/** Writes either byte order; in version 1 counts have 4 bytes. */
export class GgufWriter {
  readonly #bytes: number[] = [];

  constructor(readonly little = true, readonly version = 3) {}

  static header(values: number, { little = true, version = 3, tensors = 0 } = {}): GgufWriter {
    const writer = new GgufWriter(little, version).letters("GGUF").u32(version);
    return writer.count(tensors).count(values);
  }

  letters(text: string): this {
    for (const byte of new TextEncoder().encode(text)) this.#bytes.push(byte);
    return this;
  }

  u32(value: number): this {
    return this.#put(4, (view) => view.setUint32(0, value, this.little));
  }

  f32(value: number): this {
    return this.#put(4, (view) => view.setFloat32(0, value, this.little));
  }

  f64(value: number): this {
    return this.#put(8, (view) => view.setFloat64(0, value, this.little));
  }

  u64(value: number | bigint): this {
    return this.#put(8, (view) => view.setBigUint64(0, BigInt(value), this.little));
  }

  raw(...bytes: readonly number[]): this {
    this.#bytes.push(...bytes);
    return this;
  }

  count(value: number | bigint): this {
    return this.version === 1 ? this.u32(Number(value)) : this.u64(value);
  }

  text(text: string): this {
    return this.count(new TextEncoder().encode(text).length).letters(text);
  }

  key(key: string, type: number): this {
    return this.text(key).u32(type);
  }

  tensor(name: string, ...shape: readonly number[]): this {
    this.text(name).u32(shape.length);
    for (const side of shape) this.count(side);
    return this.u32(0).u64(0);
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#bytes);
  }

  #put(size: number, set: (view: DataView) => void): this {
    const view = new DataView(new ArrayBuffer(size));
    set(view);
    return this.raw(...new Uint8Array(view.buffer));
  }
}
