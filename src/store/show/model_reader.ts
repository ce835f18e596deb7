/**
 * Reads the parts of a model. Errors are collected, so that an incomplete model can be read too.
 */

import { asPullamaError } from "../../core/errors.ts";
import type { LayerDetails } from "../../core/reports/installed.ts";
import type { Descriptor, Manifest } from "../../core/manifest.ts";
import { statOf } from "../../io/stat.ts";
import { mapConcurrent } from "../../io/concurrency.ts";
import {
  isObject,
  type ModelConfig,
  NO_CONFIG,
  parseConfig,
  parseObject,
} from "../manifests/config.ts";
import { type GgufHeader, readGgufFile } from "./gguf.ts";
import { readTensors, type TensorInfo } from "./safetensors.ts";
import { blobPaths, type Paths } from "../layout/paths.ts";
import { readSmallBlob } from "../manifests/small_blob.ts";

const IMAGE = "application/vnd.ollama.image.";
/** Concurrent stat calls; some models have thousands of blobs. */
const AT_ONCE = 64;
/** Concurrent reads of headers, which may have several megabytes. */
const HEADERS_AT_ONCE = 8;

export class ModelReader {
  /** Errors so far, one sentence each. */
  readonly faults: string[] = [];

  constructor(private readonly paths: Paths, private readonly manifest: Manifest) {}

  /** All layers with their state, the config first. */
  async layers(): Promise<LayerDetails[]> {
    const { config, layers } = this.manifest;
    const names = layerNames(this.manifest);
    const all: (Descriptor & { name?: string })[] = [
      ...(config ? [config] : []),
      ...layers.map((layer, i) => ({ ...layer, ...(names[i] && { name: names[i] }) })),
    ];
    return await mapConcurrent(all, AT_ONCE, async (layer) => ({
      ...layer,
      state: await this.#state(layer),
    }));
  }

  async #state({ digest, size }: Descriptor): Promise<LayerDetails["state"]> {
    const info = await this.#guarded(() => statOf(blobPaths(this.paths, digest).final));
    if (info === undefined) return "missing";
    return info.isFile && info.size === size ? "present" : "damaged";
  }

  async config(): Promise<ModelConfig> {
    const { config } = this.manifest;
    const bytes = config && await this.#guarded(() => readSmallBlob(this.paths, config));
    if (bytes === undefined) return NO_CONFIG;
    const read = parseConfig(bytes);
    if (read === undefined) {
      this.faults.push(`the config ${config!.digest} is not a JSON object`);
    }
    return read ?? NO_CONFIG;
  }

  /** The header of the last layer of this kind. */
  async header(kind: string, tensors: boolean): Promise<GgufHeader | undefined> {
    const layer = this.layersOf(kind).at(-1);
    return layer && await this.#gguf(layer, tensors);
  }

  /** The headers of all layers of this kind. */
  async headers(kind: string, tensors: boolean): Promise<(GgufHeader | undefined)[]> {
    return await Promise.all(this.layersOf(kind).map((layer) => this.#gguf(layer, tensors)));
  }

  /** The tensors of all layers that have some; undefined if one of these layers cannot be read. */
  async tensors(): Promise<readonly TensorInfo[] | undefined> {
    // There may be thousands: the first error stands for all.
    let fault: string | undefined;
    const layers = this.layersOf("tensor");
    const found = await mapConcurrent(layers, HEADERS_AT_ONCE, async ({ digest }) => {
      const path = blobPaths(this.paths, digest).final;
      try {
        return (await statOf(path))?.isFile ? await readTensors(path) : [];
      } catch (error) {
        fault ??= asPullamaError(error).message;
        return [];
      }
    });
    if (fault !== undefined) this.faults.push(fault);
    return found.every((tensors) => tensors.length > 0) ? found.flat() : undefined;
  }

  async #gguf({ digest }: Descriptor, tensors: boolean): Promise<GgufHeader | undefined> {
    const path = blobPaths(this.paths, digest).final;
    const header = await this.#guarded(async () =>
      (await statOf(path))?.isFile ? await readGgufFile(path, { tensors }) ?? "none" : undefined
    );
    if (header === "none") {
      this.faults.push(`${path} is not a GGUF file`);
      return undefined;
    }
    if (header?.fault !== undefined) {
      this.faults.push(`cannot read the complete header of ${path}: ${header.fault}`);
    }
    return header;
  }

  /** The JSON file `name` of a safetensors model; empty if it is missing or not a JSON object. */
  async file(name: string): Promise<Readonly<Record<string, unknown>>> {
    const at = layerNames(this.manifest).indexOf(name);
    const layer = this.manifest.layers[at];
    if (layer?.mediaType !== `${IMAGE}json`) return {};
    const bytes = await this.#guarded(() => readSmallBlob(this.paths, layer));
    return (bytes && parseObject(bytes)) ?? {};
  }

  /** The layers of these kinds, such as `license`. */
  layersOf(...kinds: readonly string[]): Descriptor[] {
    const types = kinds.map((kind) => IMAGE + kind);
    return this.manifest.layers.filter(({ mediaType }) => types.includes(mediaType));
  }

  /** The texts of the readable layers of these kinds. */
  async texts(...kinds: readonly string[]): Promise<string[]> {
    const texts: string[] = [];
    for (const layer of this.layersOf(...kinds)) {
      const bytes = await this.#guarded(() => readSmallBlob(this.paths, layer));
      if (bytes !== undefined) texts.push(new TextDecoder().decode(bytes));
    }
    return texts;
  }

  /** The text of the last layer of these kinds. */
  async text(...kinds: readonly string[]): Promise<string | undefined> {
    return (await this.texts(...kinds)).at(-1);
  }

  async json<T>(kind: string, is: (value: unknown) => value is T): Promise<T | undefined> {
    const text = await this.text(kind);
    if (text === undefined) return undefined;
    try {
      const value: unknown = JSON.parse(text);
      if (is(value)) return value;
    } catch {
      // Reported below, like a value of the wrong type.
    }
    this.faults.push(`cannot parse the ${kind} layer`);
    return undefined;
  }

  /** The result of `read`; undefined if it rejects, and then the error is recorded. */
  async #guarded<T>(read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      const { message } = asPullamaError(error);
      if (!this.faults.includes(message)) this.faults.push(message);
      return undefined;
    }
  }
}

/** The names of the layers, in the order of the manifest; most have none. */
function layerNames({ bytes }: Manifest): readonly (string | undefined)[] {
  const { layers } = parseObject(bytes) ?? {};
  if (!Array.isArray(layers)) return [];
  return layers.map((layer) =>
    isObject(layer) && typeof layer.name === "string" ? layer.name : undefined
  );
}
