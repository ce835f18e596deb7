/** Guesses the model name that was meant by invalid input. */

const HUGGING_FACE = /^(www\.)?(hf\.co|huggingface\.co)$/i;
const OLLAMA = /^(www\.)?(ollama\.com|registry\.ollama\.ai)$/i;
/** Hugging Face pages for one file of a repository. */
const FILE_PAGE = /^(blob|raw|resolve)$/;

/**
 * A model name for a pasted URL of a Hugging Face or ollama.com page, without the user, the query
 * and everything after the model. A guess that still has to be parsed; undefined for other text.
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
 * The name of the original in a longer path, such as that of a proxy for several registries:
 * `proxy/project/library/model`. A guess that still has to be parsed.
 */
export function originalName(text: string): string | undefined {
  const [, ...parts] = text.replace(/^[a-z]+:\/\//i, "").replace(/[?#].*$/s, "").split("/");
  const host = parts.findIndex((part) => HUGGING_FACE.test(part) || OLLAMA.test(part));
  if (host >= 0) return nameOfPage(parts.slice(host).join("/"));
  return parts.at(-2) === "library" ? parts.at(-1) : undefined;
}

/**
 * The full name for `host/model` if the first part looks like a host: a name with a host needs
 * all three parts. A guess that still has to be parsed.
 */
export function nameWithHost(text: string): string | undefined {
  const [, scheme = "", host = "", model] = /^(https?:\/\/)?([^/]+)\/([^/]+)$/.exec(text) ?? [];
  const meant = scheme !== "" || /[.:]/.test(host);
  // A Hugging Face repository always has an owner; for Ollama's own registry the host is left out.
  if (!meant || model === undefined || HUGGING_FACE.test(host)) return undefined;
  return OLLAMA.test(host) ? model : `${scheme}${host}/library/${model}`;
}
