/**
 * The capabilities of a model, derived from its parts by the same rules and in the same order as
 * Ollama.
 */

import { templateTraits } from "../../core/go_template.ts";
import type { ModelDetails } from "../../core/reports/installed.ts";
import type { ModelConfig } from "../manifests/config.ts";
import type { GgufHeader } from "./gguf.ts";

export interface ModelParts {
  readonly config: ModelConfig;
  /** Of the weights, if they are a readable GGUF file. */
  readonly header?: GgufHeader;
  /** The Go template, if the model has one. */
  readonly template?: string;
  /** One entry per projector, undefined if it cannot be read. */
  readonly projectors: readonly (GgufHeader | undefined)[];
}

/** What Ollama's parsers recognize in the output of a model. */
const PARSERS: Readonly<Record<string, readonly string[]>> = {
  ...same(["tools", "thinking"], [
    ...[
      "qwen3-thinking",
      "qwen3.5",
      "ornith",
      "qwen3-vl-thinking",
      "harmony",
      "cogito",
      "deepseek3",
    ],
    ...["nemotron-3-nano", "nemotron-3.5-nano", "glm-4.7", "gemma4", "lfm2-thinking", "laguna"],
    ...["poolside-v1", "cohere", "glimmer"],
  ]),
  ...same(["tools"], [
    ...["qwen3", "qwen3-coder", "qwen3-vl-instruct", "ministral", "olmo3", "functiongemma"],
    ...["gemma4-no-thinking", "glm-ocr", "lfm2"],
  ]),
  "olmo3-think": ["thinking"],
};

/** How a model turns a conversation into a prompt. */
interface Prompting {
  /** The chat template in the weights; "" if there is none. */
  readonly chat: string;
  readonly chatWords: readonly string[];
  readonly goWords: readonly string[];
  /** Ollama has code for this model. */
  readonly rendered: boolean;
  /** The Go template takes precedence over the chat template. */
  readonly usesTemplate: boolean;
}

function promptingOf(parts: ModelParts): Prompting {
  const { config, header, template } = parts;
  const chat = textAt(header, "tokenizer.chat_template");
  const chatWords = chatCapabilities(chat);
  const goWords = template === undefined ? [] : templateCapabilities(template);
  const rendered = config.renderer !== "" || config.parser !== "" || isHarmony(parts);
  const usesTemplate = template !== undefined &&
    (rendered || chat === "" || !prefersChat(chat, chatWords, template, goWords));
  return { chat, chatWords, goWords, rendered, usesTemplate };
}

/** The template of the model, or that in the weights if Ollama uses that; empty if there is none. */
export function templateOf(parts: ModelParts): Pick<ModelDetails, "template" | "templateSource"> {
  const { config, template } = parts;
  const { chat, rendered, usesTemplate } = promptingOf(parts);
  if (chat !== "" && !rendered && !usesTemplate) {
    return { template: chat, templateSource: "weights" };
  }
  const own = template === undefined ? {} : { template, templateSource: "model" as const };
  return config.renderer === "" ? own : { ...own, templateSource: "ollama" };
}

/** The capabilities without duplicates; empty if none are known. */
export function capabilitiesOf(parts: ModelParts): string[] {
  const { config, header } = parts;
  const found = new Set(config.capabilities);
  const add = (words: readonly string[]) => words.forEach((word) => found.add(word));
  const { chatWords, goWords, rendered, usesTemplate } = promptingOf(parts);

  if (header !== undefined) {
    const own = (key: string) => header.values.has(`${architectureOf(header)}.${key}`);
    if (!rendered && !usesTemplate) add(chatWords);
    add([own("pooling_type") ? "embedding" : "completion"]);
    if (own("vision.block_count")) add(["vision"]);
    if (own("audio.block_count")) add(["audio"]);
  }
  if (parts.projectors.length > 0) add(["vision"]);
  if (parts.projectors.some(hasAudio)) add(["audio"]);
  if (usesTemplate) add(goWords);
  add(Object.hasOwn(PARSERS, config.parser) ? PARSERS[config.parser]! : []);
  if (isGptOss(config)) add(["thinking"]);
  for (const word of unsupported(config, architectureOf(header))) found.delete(word);
  return [...found];
}

/**
 * The architecture of the weights, which is also the prefix of their metadata keys; "" if unknown.
 */
export function architectureOf(header: GgufHeader | undefined): string {
  return textAt(header, "general.architecture");
}

function textAt(header: GgufHeader | undefined, key: string): string {
  const value = header?.values.get(key);
  return typeof value === "string" ? value : "";
}

function chatCapabilities(chat: string): string[] {
  const words: string[] = [];
  if (hasTools(chat)) words.push("tools");
  const tags = chat.includes("<think>") && chat.includes("</think>");
  const splits = /content\.split\((['"])<\/think>\1\)/.test(chat) &&
    !chat.includes("reasoning_content") && !chat.includes("<SPECIAL_12>");
  if (tags || splits) words.push("thinking");
  return words;
}

function templateCapabilities(template: string): string[] {
  const traits = templateTraits(template);
  const words: string[] = [];
  if (traits?.fields.has("tools")) words.push("tools");
  if (traits?.fields.has("suffix")) words.push("insert");
  if (traits?.thinking) words.push("thinking");
  return words;
}

/** Whether Ollama prefers the chat template in the weights to the Go template of the model. */
function prefersChat(
  chat: string,
  chatWords: readonly string[],
  template: string,
  goWords: readonly string[],
): boolean {
  const goTakesResults = templateTakesToolResults(template);
  if (chatWords.length > goWords.length) return !goTakesResults || chatTakesToolResults(chat);
  const same = chatWords.length === goWords.length && chatWords.every((w) => goWords.includes(w));
  return same && chatWords.includes("tools") && chatTakesToolResults(chat) && !goTakesResults;
}

function hasTools(chat: string): boolean {
  return chat.includes("tools") || chat.includes("tool_call");
}

/** Whether the template adds tool results to the conversation. */
function chatTakesToolResults(chat: string): boolean {
  return hasTools(chat) && (chat.includes("tool_calls") || chat.includes("assistant_tool_call")) &&
    /tool_response|tool_results|role(['"])\] == (['"])tool\2|message\.role == (['"])tool\3|ipython/
      .test(chat);
}

function templateTakesToolResults(template: string): boolean {
  const fields = templateTraits(template)?.fields;
  return fields !== undefined && fields.has("tools") && fields.has("toolcalls") &&
    /eq \.Role "tool"|tool_response|TOOL_RESULTS/.test(template);
}

function isGptOss({ family }: ModelConfig): boolean {
  return family === "gptoss" || family === "gpt-oss";
}

function isHarmony({ config, template = "" }: ModelParts): boolean {
  return isGptOss(config) && template.includes("<|start|>") && template.includes("<|end|>");
}

function hasAudio(projector: GgufHeader | undefined): boolean {
  if (projector === undefined) return false;
  const audio = [...projector.values].some(([key, value]) =>
    value === true && /(^|\.)has_audio_encoder$/.test(key)
  );
  const kind = textAt(projector, `${architectureOf(projector)}.vision.projector_type`);
  return audio && kind !== "gemma3nv";
}

/** Capabilities of the model that Ollama's runners do not support yet. */
function unsupported(config: ModelConfig, architecture: string): string[] {
  const omni = config.family === "nemotron_h_omni" || config.families.includes("nemotron_h_omni");
  const nano = [config.parser, config.renderer].includes("nemotron-3-nano");
  if (config.format === "safetensors") {
    if (/^gemma4(-small|-large)?$/.test(config.renderer) || omni || nano) {
      return ["vision", "audio"];
    }
    if (config.renderer === "glimmer") return ["audio"];
  }
  return omni || architecture === "nemotron_h_omni" ? ["audio"] : [];
}

function same(
  words: readonly string[],
  names: readonly string[],
): Record<string, readonly string[]> {
  return Object.fromEntries(names.map((name) => [name, words]));
}
