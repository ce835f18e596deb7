/**
 * A model that Ollama can list, show and run: weights, template, parameters, licence and config.
 */

import type { Content } from "./content.ts";
import { gguf } from "./gguf.ts";
import type { Layer, ModelFiles } from "./registry.ts";

export interface ModelOptions {
  /** Minimum size of the weights in bytes. */
  readonly size: number;
  /** Different weights for each seed. */
  readonly seed?: number;
}

export interface Model extends ModelFiles {
  readonly layers: readonly Layer[];
  readonly config: Layer;
  readonly weights: Content;
}

const LICENSE = "Permission is granted to anybody to use these random numbers for anything.\n";
const TEMPLATE = "{{ range .Messages }}{{ .Role }}: {{ .Content }}\n{{ end }}assistant:";
const PARAMETERS = JSON.stringify({ stop: ["user:"], temperature: 0.5 });

/** The files of a valid model. The weights are generated while they are read. */
export function makeModel({ size, seed = 1 }: ModelOptions): Model {
  const weights = gguf(size, seed, `tiny-${seed}`);
  const layers: Layer[] = [
    { mediaType: "application/vnd.ollama.image.model", content: weights },
    { mediaType: "application/vnd.ollama.image.template", content: TEMPLATE },
    { mediaType: "application/vnd.ollama.image.license", content: LICENSE },
    { mediaType: "application/vnd.ollama.image.params", content: PARAMETERS },
  ];
  const config: Layer = {
    mediaType: "application/vnd.docker.container.image.v1+json",
    content: JSON.stringify({
      model_format: "gguf",
      model_family: "llama",
      model_families: ["llama"],
      model_type: "27K",
      file_type: "F32",
      architecture: "amd64",
      os: "linux",
    }),
  };
  return { layers, config, weights };
}
