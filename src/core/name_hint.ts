/** What somebody may have meant who gave something that is no model name. */

const HUGGING_FACE = /^(www\.)?(hf\.co|huggingface\.co)$/i;
const OLLAMA = /^(www\.)?(ollama\.com|registry\.ollama\.ai)$/i;
/** Pages of Hugging Face that show a file of a repository. */
const FILE_PAGE = /^(blob|raw|resolve)$/;

/**
 * A model name for the pasted address of a page at Hugging Face or ollama.com: without user, query and
 * what follows the model. It is a guess that still has to be parsed; undefined for every other text.
 */
export function nameOfPage(text: string): string | undefined {
  const address = text.replace(/^[a-z]+:\/\//i, "").replace(/^.*@/s, "").replace(/[?#].*$/s, "");
  const [host = "", owner, model, page = "", , ...file] = address.split("/").filter(Boolean);
  if (owner === undefined || model === undefined) return undefined;
  if (OLLAMA.test(host)) return owner === "library" ? model : `${owner}/${model}`;
  if (!HUGGING_FACE.test(host) || owner === "datasets" || owner === "spaces") return undefined;
  const [gguf = ""] = file;
  const one = FILE_PAGE.test(page) && file.length === 1 && /\.gguf$/i.test(gguf);
  return `hf.co/${owner}/${model}${one ? `:${gguf}` : ""}`;
}

/**
 * The name that `host/model` stands for if the first part is a host: only a name of all three parts has
 * one. It is a guess that still has to be parsed.
 */
export function nameWithHost(text: string): string | undefined {
  const [, scheme = "", host = "", model] = /^(https?:\/\/)?([^/]+)\/([^/]+)$/.exec(text) ?? [];
  const meant = scheme !== "" || /[.:]/.test(host);
  // There every repository has an owner, and of Ollama's own the host is not written at all.
  if (!meant || model === undefined || HUGGING_FACE.test(host)) return undefined;
  return OLLAMA.test(host) ? model : `${scheme}${host}/library/${model}`;
}
