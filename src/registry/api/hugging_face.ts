/**
 * The Hugging Face hub and its mirrors: file repositories that respond like model registries. What
 * their errors mean, and which tags work instead.
 */

import { type ModelName, nameOfParts } from "../../core/name.ts";
import { Deadline } from "../../io/abort.ts";
import { networkError } from "../diagnose/network_error.ts";
import { discard } from "../http/http.ts";
import { readAtMost } from "../http/body.ts";
import type { FinalResponse } from "../http/redirects.ts";
import type { Registry } from "./registry.ts";

const HOSTS = ["hf.co", "huggingface.co"];
const KEYS_PAGE = "https://huggingface.co/settings/keys";

/** Limits of a file list in bytes, enough for a thousand files, and in milliseconds. */
const MAX_BYTES = 1 << 20;
const TIMEOUT_MS = 5000;
const MAX_SHOWN = 12;
/** Characters of a file name; no file system has longer ones, and expressions would be slow on them. */
const LONGEST_NAME = 255;

/** The name of a file that is one of several parts. */
const PART = /-\d{5}-of-\d{5}\.gguf$/i;
/** The end of a file name that the hub uses as a tag. */
const QUANTIZATION =
  /[-._]((?:UD-)?(?:I?Q\d(?:_[A-Z0-9]+)*|TQ\d_\d|MXFP4(?:_MOE)?|BF16|F16|F32))\.gguf$/i;

/** A tag that does not exist, or whose model is split into several files (not supported). */
export type TagProblem = "unknown" | "split";

/** What is wrong with a tag according to the text of a 400; undefined if nothing is. */
export function tagProblemIn(text: string): TagProblem | undefined {
  if (/\bsharded\b/i.test(text)) return "split";
  return /not a valid quantization scheme|tag is not available|does not exist/i.test(text)
    ? "unknown"
    : undefined;
}

/**
 * What to do after the hub refused the manifest of `name`; undefined if it was not the hub, or if
 * there is no specific advice. For a split model it requests the tags that are single files: once,
 * for a few seconds, and without them if that fails. Rejects only when `signal` is aborted, with
 * what `networkError` makes of its reason.
 */
export async function huggingFaceHint(
  name: ModelName,
  { response: { status }, url }: FinalResponse,
  text: string,
  registry: Registry,
  signal: AbortSignal,
): Promise<string | undefined> {
  const page = new URL(`/${name.namespace}/${name.model}`, url).href;
  if (status === 401 && HOSTS.includes(url.host)) {
    return `check the spelling; for a private or gated model, request access at ${page}, and add ` +
      `the .pub file of your Ollama key at ${KEYS_PAGE}`;
  }
  if (status !== 400) return undefined;
  if (tagProblemIn(text) === "split") {
    return hintFor(await tagsInOneFile(name, url, registry, signal), page);
  }
  return /quantization|gguf|"latest"/i.test(text)
    ? `use a quantization such as Q4_K_M, or a file name, as the tag: see ${page}/tree/main`
    : undefined;
}

function hintFor(tags: readonly string[] | undefined, page: string): string {
  if (!tags) return `choose a tag whose model is a single file: see ${page}/tree/main`;
  if (tags.length === 0) return "find another repository that has the model in a single file";
  const more = tags.length > MAX_SHOWN ? ` and ${tags.length - MAX_SHOWN} more` : "";
  return `these tags are single files: ${tags.slice(0, MAX_SHOWN).join(", ")}${more}`;
}

/** The tags of a repository that can be pulled, according to the hub's file list. */
async function tagsInOneFile(
  name: ModelName,
  hub: URL,
  registry: Registry,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  using attempt = new Deadline(signal, TIMEOUT_MS, `no file list from ${hub.host}`);
  const address = new URL(`/api/models/${name.namespace}/${name.model}/tree/main`, hub);
  try {
    const { response } = await registry.get(name, address, {}, attempt.signal);
    if (response.status !== 200) {
      await discard(response);
      return undefined;
    }
    const bytes = await readAtMost(response, MAX_BYTES, TIMEOUT_MS);
    return tagsAmong(JSON.parse(new TextDecoder().decode(bytes)), name);
  } catch {
    if (signal.aborted) throw networkError(signal.reason, hub.host, "head");
    return undefined;
  }
}

/** The tags for `files`, the hub's list of a top folder; undefined if it is not a list. */
export function tagsAmong(files: unknown, name: ModelName): readonly string[] | undefined {
  if (!Array.isArray(files)) return undefined;
  const tags = files.map((file) => String(file?.path ?? ""))
    .filter((path) => path.length <= LONGEST_NAME && /^[^/]+\.gguf$/i.test(path))
    .filter((path) => !PART.test(path) && !/^mmproj/i.test(path))
    .map((path) => QUANTIZATION.exec(path)?.[1] ?? path)
    .filter((tag) => nameOfParts(name.host, name.namespace, name.model, tag) !== undefined);
  return [...new Set(tags)];
}
