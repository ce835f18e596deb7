/** The config of a model: the small JSON blob that its manifest lists first. */

import type { Remote } from "../../core/reports/installed.ts";

/** The fields that Ollama reads. A string that is missing or of another type is empty. */
export interface ModelConfig {
  readonly format: string;
  readonly family: string;
  readonly families: readonly string[];
  /** The number of parameters as text, such as `8.0B`. */
  readonly parameterSize: string;
  readonly quantization: string;
  readonly renderer: string;
  readonly parser: string;
  readonly requires: string;
  readonly remote: Remote | undefined;
  readonly capabilities: readonly string[];
  readonly contextLength: number | undefined;
  readonly embeddingLength: number | undefined;
}

/** The config of a model that has none. */
export const NO_CONFIG: ModelConfig = configFrom({});

/** Parses a config; undefined if it is not a JSON object. */
export function parseConfig(bytes: Uint8Array): ModelConfig | undefined {
  const fields = parseObject(bytes);
  return fields && configFrom(fields);
}

/** Parses a JSON object; undefined if `bytes` are anything else. */
export function parseObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `value` if it is a positive integer, otherwise undefined. */
export function positive(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

function configFrom(fields: Readonly<Record<string, unknown>>): ModelConfig {
  const text = (key: string) => typeof fields[key] === "string" ? fields[key] : "";
  const texts = (key: string) => {
    const value = fields[key];
    return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
  };
  const remote = { host: text("remote_host"), model: text("remote_model") };
  return {
    format: text("model_format"),
    family: text("model_family"),
    families: texts("model_families"),
    parameterSize: text("model_type"),
    quantization: text("file_type"),
    renderer: text("renderer"),
    parser: text("parser"),
    requires: text("requires"),
    remote: remote.host !== "" || remote.model !== "" ? remote : undefined,
    capabilities: texts("capabilities"),
    contextLength: positive(fields.context_length),
    embeddingLength: positive(fields.embedding_length),
  };
}
