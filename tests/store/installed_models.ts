/** Models put into a models folder as Ollama leaves them there, without any code of the program. */

import { createHash } from "node:crypto";
import { held, wholeOf } from "../fakes/content.ts";
import type { Layer, ModelFiles } from "../fakes/registry.ts";
import { safetensors, tensor } from "./show/safetensors_writer.ts";

export interface InstallOptions {
  /** The folder beside `blobs`; default `manifests`. */
  readonly tree?: string;
  /** When the manifest was written; default now. */
  readonly modified?: Date;
}

export interface Installed {
  readonly path: string;
  /** Of the manifest, 64 hex digits. */
  readonly hex: string;
  /** The files of its blobs, the config first. */
  readonly blobs: readonly string[];
}

const MEDIA = "application/vnd.ollama.image.";
const DOCKER = "application/vnd.docker.distribution.manifest.v2+json";

/** Writes blobs and manifest of a model; `name` is `host/namespace/model/tag`, or `model/tag` of the library. */
export function install(
  models: string,
  name: string,
  { config, layers = [], manifest }: ModelFiles,
  { tree = "manifests", modified }: InstallOptions = {},
): Installed {
  const full = name.split("/").length === 2 ? `registry.ollama.ai/library/${name}` : name;
  const path = `${models}/${tree}/${full}`;
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  const blobs: string[] = [];
  const add = (layer: Layer) => {
    const blob = putBlob(models, layer.content);
    blobs.push(blob.path);
    const { mediaType, name } = layer;
    return { mediaType, digest: `sha256:${blob.hex}`, size: blob.size, ...(name && { name }) };
  };
  const head = config && add(config);
  const made = { schemaVersion: 2, mediaType: DOCKER, config: head, layers: layers.map(add) };
  const bytes = wholeOf(bytesOf(manifest ?? JSON.stringify(made)));
  Deno.writeFileSync(path, bytes);
  if (modified) Deno.utimeSync(path, modified, modified);
  return { path, hex: hexOf(bytes), blobs };
}

/** Writes one blob. */
export function putBlob(
  models: string,
  content: Layer["content"],
): { readonly path: string; readonly hex: string; readonly size: number } {
  const bytes = wholeOf(bytesOf(content));
  const hex = hexOf(bytes);
  const path = `${models}/blobs/sha256-${hex}`;
  Deno.mkdirSync(`${models}/blobs`, { recursive: true });
  Deno.writeFileSync(path, bytes);
  return { path, hex, size: bytes.length };
}

/** A layer of Ollama's kind `kind`, such as `license`. */
export function layer(kind: string, content: Layer["content"], name?: string): Layer {
  return { mediaType: MEDIA + kind, content, ...(name !== undefined && { name }) };
}

/** A configuration with these fields. */
export function config(fields: Readonly<Record<string, unknown>>): Layer {
  return {
    mediaType: "application/vnd.docker.container.image.v1+json",
    content: JSON.stringify(fields),
  };
}

/** A model without weights that runs on another machine. */
export const CLOUD_STUB: ModelFiles = {
  config: config({
    model_format: "",
    model_family: "gptoss",
    remote_host: "https://ollama.com:443",
    remote_model: "gpt-oss:120b",
    capabilities: ["completion", "tools", "thinking"],
    context_length: 131072,
    embedding_length: 2880,
  }),
  layers: [],
};

/** A model of tensors, with the files it came with. */
export function tensorModel(tensors: number): ModelFiles {
  return {
    config: config({
      model_format: "safetensors",
      model_family: "",
      file_type: "BF16",
      model_type: "1.0B",
      capabilities: ["completion"],
    }),
    layers: [
      ...Array.from({ length: tensors }, (_, i) => {
        const file = safetensors({ [`blk.${i}.w`]: tensor("BF16", 1000, 1000) });
        return layer("tensor", file, `blk.${i}.w`);
      }),
      layer(
        "json",
        JSON.stringify({
          architectures: ["Qwen3ForCausalLM"],
          model_type: "qwen3",
          max_position_embeddings: 40960,
          hidden_size: 1024,
        }),
        "config.json",
      ),
      layer("json", "{}", "tokenizer.json"),
    ],
  };
}

function bytesOf(content: Layer["content"]) {
  return typeof content === "string" || content instanceof Uint8Array ? held(content) : content;
}

function hexOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
