/**
 * Hugging Face's hub and its mirrors: repositories of files that answer as if they were models. What its words
 * mean, and what would work instead.
 */

import { type ModelName, nameOfParts } from "../../core/name.ts";
import { Deadline } from "../../io/deadline.ts";
import { networkError } from "../diagnose/network_error.ts";
import { discard } from "../http/http.ts";
import { readAtMost } from "../http/body.ts";
import type { FinalResponse } from "../http/redirects.ts";
import type { Registry } from "./registry.ts";

const HOSTS = ["hf.co", "huggingface.co"];
const KEYS_PAGE = "https://huggingface.co/settings/keys";

/** Bytes of a list of files; a thousand of them have less. Milliseconds that it is worth. */
const MOST_BYTES = 1 << 20;
const PATIENCE_MS = 5000;
const MOST_SHOWN = 12;

/** A name of a file that is one of several parts. */
const PART = /-\d{5}-of-\d{5}\.gguf$/i;
/** What the hub takes for a tag at the end of the name of a file. */
const QUANTIZATION =
  /[-._]((?:UD-)?(?:I?Q\d(?:_[A-Z0-9]+)*|TQ\d_\d|MXFP4(?:_MOE)?|BF16|F16|F32))\.gguf$/i;

/** A tag that there is not, or one whose model is split into several files, which cannot be pulled. */
export type TagProblem = "unknown" | "split";

/** What is wrong with a tag according to the text of a refusal with status 400, if it is the tag. */
export function tagProblemIn(text: string): TagProblem | undefined {
  if (/\bsharded\b/i.test(text)) return "split";
  return /not a valid quantization scheme|tag is not available|does not exist/i.test(text)
    ? "unknown"
    : undefined;
}

/**
 * What somebody can do whose request for the manifest of `name` was refused by the hub; undefined if it was
 * not the hub, or nothing particular about it. Of a split model it asks which tags are not: once, for a
 * few seconds, and does without if that fails. Rejects only when `signal` is aborted, as `networkError` has it.
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
    return `check the spelling; for a private or gated model ask for access at ${page}, and add ` +
      `the .pub file of your Ollama key at ${KEYS_PAGE}`;
  }
  if (status !== 400) return undefined;
  if (tagProblemIn(text) === "split") {
    return hintFor(await tagsInOneFile(name, url, registry, signal), page);
  }
  return /quantization|gguf|"latest"/i.test(text)
    ? `a tag is a quantization, such as Q4_K_M, or the name of a file: see ${page}/tree/main`
    : undefined;
}

function hintFor(tags: readonly string[] | undefined, page: string): string {
  if (!tags) return `choose a tag whose model is a single file: see ${page}/tree/main`;
  if (tags.length === 0) return "look for another repository that has the model in a single file";
  const more = tags.length > MOST_SHOWN ? ` and ${tags.length - MOST_SHOWN} more` : "";
  return `these tags are single files: ${tags.slice(0, MOST_SHOWN).join(", ")}${more}`;
}

/** The tags of a repository that can be pulled, by the hub's own list of its files. */
async function tagsInOneFile(
  name: ModelName,
  hub: URL,
  registry: Registry,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  using attempt = new Deadline(signal, PATIENCE_MS, `${hub.host} has not sent its list of files`);
  const address = new URL(`/api/models/${name.namespace}/${name.model}/tree/main`, hub);
  try {
    const { response } = await registry.get(name, address, {}, attempt.signal);
    if (response.status !== 200) {
      await discard(response);
      return undefined;
    }
    const bytes = await readAtMost(response, MOST_BYTES, PATIENCE_MS);
    return tagsAmong(JSON.parse(new TextDecoder().decode(bytes)), name);
  } catch {
    if (signal.aborted) throw networkError(signal.reason, hub.host, "head");
    return undefined;
  }
}

/** The tags that `files`, as the hub lists the top folder of a repository, stand for; undefined if it is no list. */
export function tagsAmong(files: unknown, name: ModelName): readonly string[] | undefined {
  if (!Array.isArray(files)) return undefined;
  const tags = files.map((file) => String(file?.path ?? ""))
    .filter((path) => /^[^/]+\.gguf$/i.test(path) && !PART.test(path) && !/^mmproj/i.test(path))
    .map((path) => QUANTIZATION.exec(path)?.[1] ?? path)
    .filter((tag) => nameOfParts(name.host, name.namespace, name.model, tag) !== undefined);
  return [...new Set(tags)];
}
