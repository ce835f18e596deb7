/**
 * The header of a GGUF file: what the weights say about themselves. The file may be anybody's: no number
 * in it decides how much is read or kept.
 */

import type { MetadataValue } from "../../core/reports/installed.ts";
import { fileError } from "../../io/file_error.ts";
import { type ByteSource, Malformed, PieceReader } from "./gguf_reader.ts";

export interface GgufHeader {
  readonly version: number;
  /** Scalars and texts by key, in the order of the file. Lists and very long texts are left out. */
  readonly values: ReadonlyMap<string, MetadataValue>;
  /** Numbers in all tensors together; absent where not every tensor was read. */
  readonly parameterCount?: number;
  /** Why the rest is not known. */
  readonly fault?: string;
}

/** How far to read. */
export interface GgufBounds {
  /** Bytes of the file that are looked at, at most. */
  readonly limit?: number;
  /** Whether to read on behind the values, for the number of parameters. */
  readonly tensors: boolean;
}

/** Vocabularies of a quarter of a million words stay below 20 MiB. */
const LIMIT = 32 * 2 ** 20;
const MAX_KEY = 2 ** 16 - 1;
/** The longest text that is kept: templates are the longest that matter. */
const MAX_TEXT = 2 ** 20;
const MAX_VALUES = 2 ** 16;
const MAX_DIMENSIONS = 4;

const TEXT = 8;
const LIST = 9;
/** Bytes of a value by its type; 0 for those without a fixed length. */
const SIZES: readonly number[] = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

/**
 * The header of the file at `path`; undefined if it is no GGUF file. Rejects with kind local where it
 * cannot be read.
 */
export async function readGgufFile(
  path: string,
  bounds: GgufBounds,
): Promise<GgufHeader | undefined> {
  try {
    using file = await Deno.open(path);
    const read = async (at: number, into: Uint8Array) => {
      await file.seek(at, Deno.SeekMode.Start);
      return await file.read(into) ?? 0;
    };
    return await readGguf({ read }, bounds);
  } catch (error) {
    throw fileError(error, "read", path);
  }
}

/**
 * The header that `source` begins with; undefined if it begins otherwise. A header that is cut off, absurd
 * or longer than the limit is given as far as it goes, with the fault. Rejects only where `source` does.
 */
export async function readGguf(
  source: ByteSource,
  { limit = LIMIT, tensors }: GgufBounds,
): Promise<GgufHeader | undefined> {
  const reader = new PieceReader(source, limit);
  const values = new Map<string, MetadataValue>();
  let version: number | undefined;
  try {
    version = await begin(reader);
    if (version === undefined) return undefined;
    if (![1, 2, 3].includes(version)) throw new Malformed(`its version ${version} is not known`);
    reader.narrow = version === 1;
    const tensorCount = await reader.count();
    const valueCount = await reader.count();
    if (valueCount > MAX_VALUES) throw new Malformed(`it claims to have ${valueCount} values`);
    for (let i = 0; i < valueCount; i++) await readValue(reader, values);
    if (!tensors) return { version, values };
    let parameterCount = 0;
    for (let i = 0; i < tensorCount; i++) parameterCount += await readTensor(reader);
    return { version, values, ...(Number.isSafeInteger(parameterCount) && { parameterCount }) };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return version === undefined ? undefined : { version, values, fault: error.message };
  }
}

/** The version, with the reader set to the order of bytes; undefined without the magic letters. */
async function begin(reader: PieceReader): Promise<number | undefined> {
  const magic = await reader.number(4);
  if (magic !== 0x46554747 && magic !== 0x47475546) return undefined;
  reader.little = magic === 0x46554747;
  const version = await reader.number(4);
  // Big-endian files of llama.cpp have their letters in the usual order.
  if (version === 0 || version % 2 ** 16 !== 0) return version;
  reader.little = false;
  return version / 2 ** 24;
}

async function readValue(reader: PieceReader, values: Map<string, MetadataValue>): Promise<void> {
  const key = await reader.text(MAX_KEY);
  if (key === undefined) throw new Malformed("it has a key of absurd length");
  const type = await reader.number(4);
  const value = type === LIST
    ? await skipList(reader)
    : type === TEXT
    ? await reader.text(MAX_TEXT)
    : await readScalar(reader, type);
  if (value !== undefined && !values.has(key)) values.set(key, value);
}

async function readScalar(reader: PieceReader, type: number): Promise<MetadataValue> {
  const size = SIZES[type];
  if (size === undefined) throw new Malformed(`it has a value of the unknown type ${type}`);
  switch (type) {
    case 6:
    case 12:
      return await reader.float(size);
    case 7:
      return await reader.number(1) !== 0;
    case 10:
    case 11: {
      const value = await reader.big(type === 11);
      const number = Number(value);
      return Number.isSafeInteger(number) ? number : String(value);
    }
    default: {
      const value = await reader.number(size);
      const negative = type % 2 === 1 && value >= 2 ** (size * 8 - 1);
      return negative ? value - 2 ** (size * 8) : value;
    }
  }
}

/** Goes past a list. Lists of lists are written by nobody. */
async function skipList(reader: PieceReader): Promise<undefined> {
  const type = await reader.number(4);
  const count = await reader.count();
  const size = SIZES[type];
  if (size === undefined || type === LIST) {
    throw new Malformed(`it has a list of the unknown type ${type}`);
  }
  if (type !== TEXT) return reader.skip(count * size);
  for (let i = 0; i < count; i++) {
    if (!reader.skipTextHere()) reader.skip(await reader.count());
  }
}

/** The number of elements of a tensor. */
async function readTensor(reader: PieceReader): Promise<number> {
  if (await reader.text(MAX_KEY) === undefined) throw new Malformed("a name is of absurd length");
  const dimensions = await reader.number(4);
  if (dimensions > MAX_DIMENSIONS) throw new Malformed(`a tensor has ${dimensions} dimensions`);
  let elements = 1;
  for (let i = 0; i < dimensions; i++) elements *= await reader.count();
  await reader.number(4);
  await reader.big(false);
  return elements;
}
