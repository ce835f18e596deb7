/** Reports about installed models. */

import type { Digest } from "../digest.ts";
import type { Descriptor } from "../manifest.ts";
import type { ModelName } from "../name.ts";

/** A row of `pullama list`. */
export interface InstalledModel {
  readonly name: ModelName;
  /** The digest of the manifest. */
  readonly digest: Digest;
  /**
   * The size of all layers and the config in bytes, as in `ollama list`: a blob that occurs twice
   * counts twice. Absent if the blobs are not known.
   */
  readonly size?: number;
  /** Its distinct blobs. Absent if they are not known, or were not asked for. */
  readonly blobs?: readonly Descriptor[];
  /** Modification time of the manifest in milliseconds since 1970; absent if unknown. */
  readonly modifiedMs?: number;
  /** Set if the model runs on a remote host and only its description is local. */
  readonly remote?: Remote;
}

/** Where a remote model runs. Either field may be empty. */
export interface Remote {
  readonly host: string;
  readonly model: string;
}

/** A file in the manifests tree that is not a readable manifest. */
export interface BrokenManifest {
  readonly path: string;
  /** The name from its path; absent if that is not a valid name. */
  readonly name?: ModelName;
  /** One sentence that includes the path. */
  readonly reason: string;
}

/** A manifest hidden by one of the same name in another tree, for servers that read both trees. */
export interface HiddenManifest {
  readonly path: string;
  readonly name: ModelName;
}

export interface Inventory {
  /** Newest first; equal times are sorted by name. */
  readonly models: readonly InstalledModel[];
  readonly broken: readonly BrokenManifest[];
  readonly hidden: readonly HiddenManifest[];
}

/** A metadata value: an integer that a double cannot represent exactly is a bigint. */
export type MetadataValue = string | number | boolean | bigint;

export interface LayerDetails extends Descriptor {
  /** The name within the model, which tensors and files of safetensors models have. */
  readonly name?: string;
  /** `damaged`: the size of the file differs from the manifest. The content is not read. */
  readonly state: "present" | "missing" | "damaged";
}

/** The details in `pullama show`. Absent fields are unknown. */
export interface ModelDetails extends InstalledModel {
  /** The path of the manifest. */
  readonly path: string;
  readonly format?: string;
  readonly family?: string;
  readonly families: readonly string[];
  /** From the header of the weights; usually equal to the family. */
  readonly architecture?: string;
  /** As in the config, such as `8.0B`. */
  readonly parameterSize?: string;
  /** Computed from the headers of the weights, of GGUF files only if the config has no size. */
  readonly parameterCount?: number;
  readonly quantization?: string;
  /** In tokens. */
  readonly contextLength?: number;
  readonly embeddingLength?: number;
  readonly capabilities: readonly string[];
  /** The minimum version of Ollama. */
  readonly requires?: string;
  /** The scalar metadata of the first projector. */
  readonly projector?: ModelDetails["metadata"];
  readonly licenses: readonly string[];
  /** The one that Ollama uses, unless its own code makes the prompts for this model. */
  readonly template?: string;
  readonly templateSource?: "model" | "weights" | "ollama";
  readonly system?: string;
  /** The model's parameters by name. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** The number of messages that a conversation starts with. */
  readonly messages?: number;
  /** The config first, if there is one. */
  readonly layers: readonly LayerDetails[];
  /** The scalar metadata of the weights, in file order. */
  readonly metadata: Readonly<Record<string, MetadataValue>>;
  /** Problems reading the model, one sentence each. */
  readonly faults: readonly string[];
}
