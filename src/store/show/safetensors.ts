/**
 * Reads the headers of safetensors files, the form in which models of tensors are stored: what
 * Ollama counts as parameters, by the same rules. The file is untrusted.
 */

import { PullamaError } from "../../core/errors.ts";
import { fileError } from "../../io/file_error.ts";
import { openForReading } from "../../io/guarded.ts";
import { isObject } from "../manifests/config.ts";
import { Malformed } from "./gguf_reader.ts";

export interface TensorInfo {
  /** The number of parameters; those of quantized tensors are packed. */
  readonly elements: number;
  /** In lower case, such as `int4`; "" if it is not quantized. */
  readonly quantization: string;
}

/** In bytes. A header has about 100 bytes per tensor. */
const LIMIT = 16 * 2 ** 20;

/** Entries that belong to another tensor. */
const COMPANION = /^__metadata__$|\.(scale|bias|global_scale)$/;

/** Bits of a parameter by quantization, with the names that Ollama knows. */
const BITS: Readonly<Record<string, number>> = {
  ...{ nvfp4: 4, mxfp4: 4, int4: 4, fp4: 4, q4: 4 },
  ...{ mxfp8: 8, int8: 8, fp8: 8, q8: 8 },
};

/** The tensors in the header of the file at `path`. Rejects with kind `local` if it has none. */
export async function readTensors(path: string): Promise<readonly TensorInfo[]> {
  try {
    using file = await openForReading(path);
    const length = Number(new DataView(await bytesOf(file, 8)).getBigUint64(0, true));
    const { size } = await file.stat();
    if (length > size - 8) throw new Malformed("unexpected end of file");
    if (length > LIMIT) throw new Malformed(`header longer than ${LIMIT} bytes`);
    return tensorsIn(new TextDecoder().decode(await bytesOf(file, length)));
  } catch (error) {
    if (!(error instanceof Malformed)) throw fileError(error, "read", path);
    throw new PullamaError("local", `cannot read the header of ${path}: ${error.message}`);
  }
}

/** Bits of a parameter; 0 if the quantization is unknown. */
export function bitsOf(quantization: string): number {
  return Object.hasOwn(BITS, quantization) ? BITS[quantization]! : 0;
}

async function bytesOf(file: Deno.FsFile, length: number): Promise<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await file.read(bytes.subarray(at));
    if (count === null) throw new Malformed("unexpected end of file");
    at += count;
  }
  return bytes.buffer;
}

function tensorsIn(text: string): readonly TensorInfo[] {
  const header = parsed(text);
  const meta = isObject(header.__metadata__) ? header.__metadata__ : {};
  const ofAll = typeof meta.quant_type === "string" ? canonical(meta.quant_type) : "";
  const names = Object.keys(header).filter((name) => !COMPANION.test(name));
  if (names.length === 0) throw new Malformed("no tensor in the header");
  return names.map((name) => {
    const shape = shapeOf(header[name]);
    const quantization = ofAll || inferred(shape, header[`${name}.scale`]);
    const packed = quantization !== "" && shape.length >= 2 ? 32 / (bitsOf(quantization) || 32) : 1;
    const elements = shape.length === 0 ? 0 : shape.reduce((all, side) => all * side, packed);
    if (!Number.isSafeInteger(elements)) throw new Malformed("invalid tensor shape");
    return { elements, quantization };
  });
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const header: unknown = JSON.parse(text);
    if (isObject(header)) return header;
  } catch {
    // Reported below, like a value of the wrong type.
  }
  throw new Malformed("the header is not a JSON object");
}

function shapeOf(tensor: unknown): readonly number[] {
  const { shape } = isObject(tensor) ? tensor : {};
  const isCount = (side: unknown) => Number.isSafeInteger(side) && Number(side) >= 0;
  if (!Array.isArray(shape) || !shape.every(isCount)) throw new Malformed("invalid tensor shape");
  return shape;
}

function canonical(quantization: string): string {
  return quantization.trim().toLowerCase();
}

/** The quantization of a tensor that has its scale beside it, from the size of a group. */
function inferred(shape: readonly number[], scale: unknown): string {
  if (scale === undefined) return "";
  const scaleShape = shapeOf(scale);
  if (shape.length < 2 || scaleShape.length < 2) return "";
  const ratio = Math.floor(shape.at(-1)! / scaleShape.at(-1)!);
  return ratio === 4 ? "int4" : ratio === 16 ? "int8" : "";
}
