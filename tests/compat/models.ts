/** The models that lie in the fixtures, finished or not. Their weights compress well, so that a clone stays small. */

import { type Content, held } from "../fakes/content.ts";
import type { ModelFiles } from "../fakes/registry.ts";

/** Unlike at each multiple of 256 bytes and for each seed. */
export function weights(size: number, seed: number): Content {
  return {
    size,
    read(offset, length) {
      const bytes = new Uint8Array(length);
      for (let k = 0; k < length; k++) {
        const block = Math.floor((offset + k) / 256);
        bytes[k] = (offset + k) % 4 === 0 ? block >> 8 : block + seed;
      }
      return bytes;
    },
  };
}

function model(size: number, seed: number): ModelFiles {
  return {
    layers: [
      { mediaType: "application/vnd.ollama.image.model", content: weights(size, seed) },
      { mediaType: "application/vnd.ollama.image.license", content: held("Free for all.\n") },
    ],
    config: {
      mediaType: "application/vnd.docker.container.image.v1+json",
      content: JSON.stringify({ model_format: "gguf", model_family: "llama", seed }),
    },
  };
}

/** By name: `namespace/model:tag`. */
export const MODELS: ReadonlyMap<string, ModelFiles> = new Map([
  ["library/finished:latest", model(100_000, 1)],
  ["library/interrupted:latest", model(3_000_000, 2)],
  ["library/killed:latest", model(3_000_000, 3)],
]);
