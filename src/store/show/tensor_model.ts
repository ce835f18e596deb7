/** The details of a model of tensors, from its files, as Ollama determines them. */

import type { Descriptor } from "../../core/manifest.ts";
import { isObject, positive } from "../manifests/config.ts";
import { bitsOf, type TensorInfo } from "./safetensors.ts";

/** Absent fields are unknown. */
export interface TensorModel {
  readonly family: string;
  readonly contextLength: number | undefined;
  readonly embeddingLength: number | undefined;
  readonly parameterCount: number | undefined;
  readonly quantization: string;
}

/** Bytes of a parameter by the type in `config.json`, and of a header with one tensor. */
const BYTES: Readonly<Record<string, number>> = { float32: 4, int8: 1, uint8: 1 };
const DEFAULT_BYTES = 2;
const HEADER_BYTES = 150;

/**
 * `fields` are those of a Hugging Face `config.json`, in which `text_config` takes precedence;
 * `tensors` are those of all `layers`, undefined if not all of them could be read.
 */
export function tensorModel(
  fields: Readonly<Record<string, unknown>>,
  layers: readonly Descriptor[],
  tensors: readonly TensorInfo[] | undefined,
): TensorModel {
  const text = isObject(fields.text_config) ? fields.text_config : {};
  const number = (key: string) => positive(text[key]) ?? positive(fields[key]);
  const [first] = Array.isArray(fields.architectures) ? fields.architectures : [];
  const named = typeof first === "string"
    ? first.toLowerCase().replace(/forcausallm$/, "").replace(/forconditionalgeneration$/, "")
    : "";
  const type = typeof fields.torch_dtype === "string" ? fields.torch_dtype : "";
  const counted = tensors?.reduce((sum, { elements }) => sum + elements, 0);
  return {
    family: typeof fields.model_type === "string" ? fields.model_type : named,
    contextLength: number("max_position_embeddings"),
    embeddingLength: number("hidden_size"),
    parameterCount: positive(counted) ?? positive(estimate(layers, type)),
    quantization: lowest(tensors ?? []) || type,
  };
}

/** The number of parameters by the sizes of the files. */
function estimate(layers: readonly Descriptor[], type: string): number {
  const bytes = layers.reduce((sum, { size }) => sum + size - HEADER_BYTES, 0);
  const key = type.toLowerCase();
  return Math.floor(bytes / (Object.hasOwn(BYTES, key) ? BYTES[key]! : DEFAULT_BYTES));
}

/** The quantization with the fewest bits; an unknown one if there is no other. */
function lowest(tensors: readonly TensorInfo[]): string {
  const found = [...new Set(tensors.map(({ quantization }) => quantization))].filter(Boolean);
  const bits = (quantization: string) => bitsOf(quantization) || Infinity;
  return found.reduce((best, one) => bits(one) < bits(best) ? one : best, found[0] ?? "");
}
