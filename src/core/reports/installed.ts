/** What can be known of a model that is installed. */

import type { Digest } from "../digest.ts";
import type { Descriptor } from "../manifest.ts";
import type { ModelName } from "../name.ts";

/** A line of the list. */
export interface InstalledModel {
  readonly name: ModelName;
  /** Of the manifest. */
  readonly digest: Digest;
  /**
   * Bytes of all layers and the config as `ollama list` adds them up: a blob that is named twice counts twice.
   * Absent where the blobs are not known.
   */
  readonly size?: number;
  /** When the manifest was written, in milliseconds since 1970; absent where the file system does not say. */
  readonly modifiedMs?: number;
  /** It runs on another machine; only its description is here. */
  readonly remote?: Remote;
}

/** Where a model runs that is not here. Either may be empty. */
export interface Remote {
  readonly host: string;
  readonly model: string;
}

/** A file where a manifest belongs that cannot be read as one. */
export interface BrokenManifest {
  readonly path: string;
  /** What its place says it is called; absent where that is no name. */
  readonly name?: ModelName;
  /** One sentence with the path in it. */
  readonly reason: string;
}

/** A file that another manifest of the same name hides from servers which know both of their trees. */
export interface HiddenManifest {
  readonly path: string;
  readonly name: ModelName;
}

export interface Inventory {
  /** The newest first; of the same moment in order of their names. */
  readonly models: readonly InstalledModel[];
  readonly broken: readonly BrokenManifest[];
  readonly hidden: readonly HiddenManifest[];
}

/** A value of a header: numbers that a double cannot hold exactly are their digits as text. */
export type MetadataValue = string | number | boolean;

export interface LayerDetails extends Descriptor {
  /** What it is called within the model; tensors and files of safetensors models have one. */
  readonly name?: string;
  /** `damaged`: the file has another length than the manifest says. Content is not looked at. */
  readonly state: "present" | "missing" | "damaged";
}

/** Everything `show` says. What is absent is not known. */
export interface ModelDetails extends InstalledModel {
  /** The manifest's file. */
  readonly path: string;
  readonly format?: string;
  readonly family?: string;
  readonly families: readonly string[];
  /** What the weights themselves say they are; mostly the family. */
  readonly architecture?: string;
  /** As the config words it, such as `8.0B`. */
  readonly parameterSize?: string;
  /** Counted from the header of the weights, where the config says nothing. */
  readonly parameterCount?: number;
  readonly quantization?: string;
  /** In tokens. */
  readonly contextLength?: number;
  readonly embeddingLength?: number;
  readonly capabilities: readonly string[];
  /** The least version of Ollama that runs it. */
  readonly requires?: string;
  readonly licenses: readonly string[];
  readonly template?: string;
  readonly system?: string;
  /** As the model sets them, by name. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** How many messages a conversation begins with. */
  readonly messages?: number;
  /** The config first, where there is one. */
  readonly layers: readonly LayerDetails[];
  /** Scalars of the header of the weights, in its order. */
  readonly metadata: Readonly<Record<string, MetadataValue>>;
  /** What could not be read, one sentence each. */
  readonly faults: readonly string[];
}
