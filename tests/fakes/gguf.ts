/**
 * A small but complete llama in GGUF version 3, all F32, padded to any size by an unused tensor.
 */

import { type Content, held, joined, noise } from "./content.ts";

const ALIGNMENT = 32;
const F32 = 0;
const EMBEDDING = 32;
const HEADS = 2;
const FEED_FORWARD = 64;

/** Type numbers of metadata values. */
const TYPE = { u32: 4, i32: 5, f32: 6, text: 8, array: 9 } as const;

type Value =
  | { readonly u32: number }
  | { readonly f32: number }
  | { readonly text: string }
  | { readonly texts: readonly string[] }
  | { readonly f32s: readonly number[] }
  | { readonly i32s: readonly number[] };

/** A GGUF file of at least `size` bytes (and at least about 100 kB). */
export function gguf(size: number, seed: number, name: string): Content {
  const bare = layout(seed, name, 0);
  const missing = size - bare.size;
  return missing <= 0 ? bare : layout(seed, name, Math.max(ALIGNMENT, missing));
}

function layout(seed: number, name: string, padding: number): Content {
  const vocabulary = words();
  const tensors: [name: string, ...shape: number[]][] = [
    ["token_embd.weight", EMBEDDING, vocabulary.length],
    ["output_norm.weight", EMBEDDING],
    ["output.weight", EMBEDDING, vocabulary.length],
    ["blk.0.attn_norm.weight", EMBEDDING],
    ["blk.0.attn_q.weight", EMBEDDING, EMBEDDING],
    ["blk.0.attn_k.weight", EMBEDDING, EMBEDDING],
    ["blk.0.attn_v.weight", EMBEDDING, EMBEDDING],
    ["blk.0.attn_output.weight", EMBEDDING, EMBEDDING],
    ["blk.0.ffn_norm.weight", EMBEDDING],
    ["blk.0.ffn_gate.weight", EMBEDDING, FEED_FORWARD],
    ["blk.0.ffn_up.weight", EMBEDDING, FEED_FORWARD],
    ["blk.0.ffn_down.weight", FEED_FORWARD, EMBEDDING],
  ];
  const metadata = metadataOf(name, vocabulary);

  const parts: Content[] = [];
  const infos: Uint8Array[] = [];
  let offset = 0;
  let count = 0;
  const append = (tensor: string, shape: readonly number[], data: Content) => {
    infos.push(text(tensor), u32(shape.length), ...shape.map(u64), u32(F32), u64(offset));
    const filled = aligned(data.size) - data.size;
    parts.push(data, held(new Uint8Array(filled)));
    offset += data.size + filled;
    count++;
  };
  for (const [tensor, ...shape] of tensors) append(tensor, shape, weights(shape, seed));
  if (padding > 0) {
    const length = Math.ceil(padding / 4);
    append("zz_padding.weight", [length], noise(length * 4, seed));
  }

  const head = concat([
    new TextEncoder().encode("GGUF"),
    u32(3),
    u64(count),
    u64(metadata.length),
    ...metadata.map(([key, value]) => concat([text(key), encoded(value)])),
    ...infos,
  ]);
  return joined([held(head), held(new Uint8Array(aligned(head.length) - head.length)), ...parts]);
}

function metadataOf(name: string, vocabulary: readonly string[]): [string, Value][] {
  const special = [2, 3, 3];
  const kinds = vocabulary.map((_, k) => special[k] ?? (k < special.length + 256 ? 6 : 1));
  return [
    ["general.architecture", { text: "llama" }],
    ["general.name", { text: name }],
    ["general.file_type", { u32: F32 }],
    ["general.alignment", { u32: ALIGNMENT }],
    ["llama.block_count", { u32: 1 }],
    ["llama.context_length", { u32: 128 }],
    ["llama.embedding_length", { u32: EMBEDDING }],
    ["llama.feed_forward_length", { u32: FEED_FORWARD }],
    ["llama.attention.head_count", { u32: HEADS }],
    ["llama.attention.head_count_kv", { u32: HEADS }],
    ["llama.attention.layer_norm_rms_epsilon", { f32: 1e-5 }],
    ["llama.rope.dimension_count", { u32: EMBEDDING / HEADS }],
    ["llama.vocab_size", { u32: vocabulary.length }],
    ["tokenizer.ggml.model", { text: "llama" }],
    ["tokenizer.ggml.pre", { text: "default" }],
    ["tokenizer.ggml.tokens", { texts: vocabulary }],
    ["tokenizer.ggml.scores", { f32s: vocabulary.map(() => 0) }],
    ["tokenizer.ggml.token_type", { i32s: kinds }],
    ["tokenizer.ggml.bos_token_id", { u32: 1 }],
    ["tokenizer.ggml.eos_token_id", { u32: 2 }],
    ["tokenizer.ggml.unknown_token_id", { u32: 0 }],
  ];
}

/** Three control tokens, one for each byte, and a few pieces of text. */
function words(): string[] {
  const bytes = Array.from(
    { length: 256 },
    (_, k) => `<0x${k.toString(16).toUpperCase().padStart(2, "0")}>`,
  );
  return ["<unk>", "<s>", "</s>", ...bytes, "\u2581a", "\u2581b", "a", "b", "\u2581"];
}

/** Small finite numbers: noise whose bytes become values between -0.1 and 0.1. */
function weights(shape: readonly number[], seed: number): Content {
  const count = shape.reduce((product, side) => product * side, 1);
  const values = Float32Array.from(
    noise(count, seed).read(0, count),
    (byte) => (byte - 128) / 1280,
  );
  return held(new Uint8Array(values.buffer));
}

function encoded(value: Value): Uint8Array {
  if ("u32" in value) return concat([u32(TYPE.u32), u32(value.u32)]);
  if ("f32" in value) return concat([u32(TYPE.f32), numbers([value.f32], Float32Array)]);
  if ("text" in value) return concat([u32(TYPE.text), text(value.text)]);
  if ("texts" in value) return array(TYPE.text, value.texts.length, value.texts.map(text));
  if ("f32s" in value) {
    return array(TYPE.f32, value.f32s.length, [numbers(value.f32s, Float32Array)]);
  }
  return array(TYPE.i32, value.i32s.length, [numbers(value.i32s, Int32Array)]);
}

function array(type: number, length: number, items: readonly Uint8Array[]): Uint8Array {
  return concat([u32(TYPE.array), u32(type), u64(length), ...items]);
}

/** Little-endian, as every machine that runs this is. */
function numbers(
  values: readonly number[],
  Type: typeof Float32Array | typeof Int32Array | typeof Uint32Array,
): Uint8Array {
  return new Uint8Array(Type.from(values).buffer);
}

function u32(value: number): Uint8Array {
  return numbers([value], Uint32Array);
}

function u64(value: number): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
}

function text(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  return concat([u64(bytes.length), bytes]);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function aligned(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}
