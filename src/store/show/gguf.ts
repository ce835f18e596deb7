/**
 * Reads the header of a GGUF file: the metadata of the weights. The file is untrusted: no number in
 * it decides how much is read or kept.
 */

import type { MetadataValue } from "../../core/reports/installed.ts";
import { fileError } from "../../io/file_error.ts";
import { openForReading } from "../../io/guarded.ts";
import { type ByteSource, Malformed, PieceReader } from "./gguf_reader.ts";

export interface GgufHeader {
  readonly version: number;
  /** Scalars and strings by key, in file order. Arrays and strings over 1 MiB are left out. */
  readonly values: ReadonlyMap<string, MetadataValue>;
  /** Total number of elements of all tensors; absent unless all tensor entries were read. */
  readonly parameterCount?: number;
  /** Why the rest of the header could not be read. */
  readonly fault?: string;
}

/** How far to read. */
export interface GgufBounds {
  /** Maximum number of bytes to read; default 32 MiB. */
  readonly limit?: number;
  /** Whether to read the tensor entries after the metadata, for the parameter count. */
  readonly tensors: boolean;
}

/** In bytes. A header with a vocabulary of 250,000 tokens is smaller than 20 MiB. */
const LIMIT = 32 * 2 ** 20;
const MAX_KEY = 2 ** 16 - 1;
/** Maximum length in bytes of a string that is kept: chat templates are the longest that matter. */
const MAX_TEXT = 2 ** 20;
const MAX_VALUES = 2 ** 16;
const MAX_DIMENSIONS = 4;

const TEXT = 8;
const LIST = 9;
/** Size of a value in bytes by type; 0 for types of variable size. */
const SIZES: readonly number[] = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

/**
 * The header of the file at `path`; undefined if it is not a GGUF file. Rejects with kind `local`
 * if it cannot be read.
 */
export async function readGgufFile(
  path: string,
  bounds: GgufBounds,
): Promise<GgufHeader | undefined> {
  try {
    using file = await openForReading(path);
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
 * The header at the start of `source`; undefined if `source` is not a GGUF file. A header that is
 * truncated, malformed or longer than the limit is returned as far as it could be read, with
 * `fault` set. Rejects only if `source` does.
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
    if (![1, 2, 3].includes(version)) throw new Malformed(`unsupported GGUF version ${version}`);
    reader.narrow = version === 1;
    const tensorCount = await reader.count();
    const valueCount = await reader.count();
    if (valueCount > MAX_VALUES) throw new Malformed(`too many metadata values: ${valueCount}`);
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

/**
 * Reads magic and version, and sets the byte order of `reader`. Undefined if the magic is missing.
 */
async function begin(reader: PieceReader): Promise<number | undefined> {
  const magic = await reader.number(4);
  if (magic !== 0x46554747 && magic !== 0x47475546) return undefined;
  reader.little = magic === 0x46554747;
  const version = await reader.number(4);
  // In llama.cpp's big-endian files the magic is not byte-swapped.
  if (version === 0 || version % 2 ** 16 !== 0) return version;
  reader.little = false;
  return version / 2 ** 24;
}

async function readValue(reader: PieceReader, values: Map<string, MetadataValue>): Promise<void> {
  const key = await reader.text(MAX_KEY);
  if (key === undefined) throw new Malformed("metadata key too long");
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
  if (size === undefined) throw new Malformed(`unknown metadata type ${type}`);
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
      return Number.isSafeInteger(number) ? number : value;
    }
    default: {
      const value = await reader.number(size);
      const negative = type % 2 === 1 && value >= 2 ** (size * 8 - 1);
      return negative ? value - 2 ** (size * 8) : value;
    }
  }
}

/** Skips an array. Nested arrays do not occur in practice and are not supported. */
async function skipList(reader: PieceReader): Promise<undefined> {
  const type = await reader.number(4);
  const count = await reader.count();
  const size = SIZES[type];
  if (size === undefined || type === LIST) {
    throw new Malformed(`unsupported array type ${type}`);
  }
  if (type !== TEXT) return reader.skip(count * size);
  for (let i = 0; i < count; i++) {
    if (!reader.skipTextHere()) reader.skip(await reader.count());
  }
}

/** The number of elements of a tensor. */
async function readTensor(reader: PieceReader): Promise<number> {
  if (await reader.text(MAX_KEY) === undefined) throw new Malformed("tensor name too long");
  const dimensions = await reader.number(4);
  if (dimensions > MAX_DIMENSIONS) {
    throw new Malformed(`too many tensor dimensions: ${dimensions}`);
  }
  let elements = 1;
  for (let i = 0; i < dimensions; i++) elements *= await reader.count();
  await reader.number(4);
  await reader.big(false);
  return elements;
}
