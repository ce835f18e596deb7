/** Writes safetensors files: the length of a JSON header, the header, and no data. */

export type TensorHeader = Readonly<Record<string, unknown>>;

/** A file with this header, or this text in its place. */
export function safetensors(header: TensorHeader | string): Uint8Array<ArrayBuffer> {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const json = new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + json.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}

/** A tensor as a header describes it. */
export function tensor(dtype: string, ...shape: readonly number[]): TensorHeader {
  return { dtype, shape, data_offsets: [0, 0] };
}
