/**
 * The details of an installed model, from its manifest, its config and the header of its weights.
 */

import type { MetadataValue, ModelDetails } from "../../core/reports/installed.ts";
import type { Manifest } from "../../core/manifest.ts";
import type { Machine } from "../../core/manifest_index.ts";
import type { ModelName } from "../../core/name.ts";
import { architectureOf, capabilitiesOf, templateOf } from "./capabilities.ts";
import { isMissing } from "../../io/file_error.ts";
import { exists, lstatOf } from "../../io/stat.ts";
import { isObject, positive } from "../manifests/config.ts";
import { openModel, sizeOf } from "../manifests/list.ts";
import type { GgufHeader } from "./gguf.ts";
import { ModelReader } from "./model_reader.ts";
import { tensorModel } from "./tensor_model.ts";
import { findInstalled, type NamedFile } from "../manifests/installed.ts";
import type { Paths } from "../layout/paths.ts";

/** How often a model is looked for that other programs remove and store again meanwhile. */
const MOST_LOOKS = 5;

/**
 * The details of the model `name`, even if blobs are missing; undefined if it is not installed, or
 * no longer. Rejects with kind `manifest` if the manifest is invalid, with `local` if directories or the
 * manifest cannot be read, with `usage` if the name is ambiguous.
 */
export async function detailsOf(
  paths: Paths,
  name: ModelName,
  machine: Machine,
): Promise<ModelDetails | undefined> {
  for (let look = 0; look < MOST_LOOKS; look++) {
    const file = await findInstalled(paths, name);
    if (file === undefined) return undefined;
    try {
      const details = await detailsIn(paths, file, machine);
      const isWhole = details.layers.every(({ state }) => state === "present");
      if (isWhole || await exists(file.path)) return details;
    } catch (error) {
      // A link to nothing stays so.
      if (!isMissing(error) || (await lstatOf(file.path))?.isSymlink) throw error;
    }
  }
  return undefined;
}

async function detailsIn(
  paths: Paths,
  file: NamedFile,
  machine: Machine,
): Promise<ModelDetails> {
  const { manifest, ...model } = await openModel(paths, file, machine);
  const base = { ...model, path: file.path };
  if (manifest === undefined) {
    const faults = ["the manifest is an index, and the manifest for this machine is missing"];
    return { ...NOTHING, ...base, faults };
  }
  return { ...base, size: sizeOf(manifest), ...await partsOf(paths, manifest) };
}

const NOTHING = {
  families: [],
  capabilities: [],
  licenses: [],
  layers: [],
  metadata: {},
} as const;

async function partsOf(
  paths: Paths,
  manifest: Manifest,
): Promise<Omit<ModelDetails, "name" | "digest" | "path">> {
  const reader = new ModelReader(paths, manifest);
  const layers = await reader.layers();
  const config = await reader.config();
  const isGguf = ["", "gguf"].includes(config.format);
  // The tensor list is needed only for the parameter count.
  const header = isGguf ? await reader.header("model", config.parameterSize === "") : undefined;
  const tensors = isGguf ? undefined : tensorModel(
    await reader.file("config.json"),
    reader.layersOf("tensor"),
    await reader.tensors(),
  );
  const template = await reader.text("template", "prompt");
  const system = await reader.text("system");
  const parameters = await reader.json("params", isObject);
  const messages = await reader.json("messages", Array.isArray);
  const projectors = await reader.headers("projector", true);

  const architecture = architectureOf(header) || tensors?.family;
  const own = (key: string) => positive(header?.values.get(`${architecture}.${key}`));
  const format = config.format || (header && "gguf");
  const stored = config.quantization === "unknown" ? "" : config.quantization;
  const quantization = stored || tensors?.quantization ||
    quantizationName(header?.values.get("general.file_type"));
  const contextLength = own("context_length") ?? tensors?.contextLength ?? config.contextLength;
  const embeddingLength = own("embedding_length") ?? tensors?.embeddingLength ??
    config.embeddingLength;
  const { remote, requires } = config;
  const parameterCount = header?.parameterCount ?? tensors?.parameterCount;
  // For models of tensors that write text, what the files say takes precedence over the config.
  const isText = tensors !== undefined && config.capabilities.includes("completion");
  const parameterSize = isText && parameterCount !== undefined ? "" : config.parameterSize;
  const family = (isText && tensors.family) || config.family || architecture;
  const parts = {
    config,
    ...(header && { header }),
    ...(template !== undefined && { template }),
    projectors,
  };
  return {
    ...(remote && { remote }),
    ...(format && { format }),
    ...(family && { family }),
    families: config.families,
    ...(architecture && { architecture }),
    ...(parameterSize && { parameterSize }),
    ...(parameterCount !== undefined && { parameterCount }),
    ...(quantization && { quantization }),
    ...(contextLength && { contextLength }),
    ...(embeddingLength && { embeddingLength }),
    capabilities: capabilitiesOf(parts),
    ...(projectors[0] && { projector: projectorInfo(projectors[0]) }),
    ...(requires && { requires }),
    licenses: await reader.texts("license"),
    ...templateOf(parts),
    ...(system !== undefined && { system }),
    ...(parameters && { parameters }),
    ...(messages && { messages: messages.length }),
    layers,
    metadata: Object.fromEntries<MetadataValue>(header?.values ?? []),
    faults: reader.faults,
  };
}

/** As in Ollama's API, which counts the parameters. */
function projectorInfo({ values, parameterCount }: GgufHeader): ModelDetails["metadata"] {
  const count = parameterCount === undefined ? {} : { "general.parameter_count": parameterCount };
  return { ...Object.fromEntries<MetadataValue>(values), ...count };
}

/** Quantizations by llama.cpp's file type number; empty for numbers that are no longer used. */
const QUANTIZATIONS: readonly string[] = [
  ...["F32", "F16", "Q4_0", "Q4_1", "", "", "", "Q8_0", "Q5_0", "Q5_1", "Q2_K", "Q3_K_S", "Q3_K_M"],
  ...["Q3_K_L", "Q4_K_S", "Q4_K_M", "Q5_K_S", "Q5_K_M", "Q6_K", "IQ2_XXS", "IQ2_XS", "Q2_K_S"],
  ...[
    "IQ3_XS",
    "IQ3_XXS",
    "IQ1_S",
    "IQ4_NL",
    "IQ3_S",
    "IQ3_M",
    "IQ2_S",
    "IQ2_M",
    "IQ4_XS",
    "IQ1_M",
  ],
  ...["BF16", "", "", "", "TQ1_0", "TQ2_0", "MXFP4_MOE", "NVFP4", "Q1_0"],
];

/** The name of file type `number`, as in `ollama show`; undefined if it has none. */
function quantizationName(number: unknown): string | undefined {
  return typeof number === "number" ? QUANTIZATIONS[number] || undefined : undefined;
}
