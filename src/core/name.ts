/** Model names: read as Ollama reads them, so that both find the same model in the same place. */

import { addressKind } from "./address.ts";
import { PullamaError } from "./errors.ts";
import { nameOfPage, nameWithHost } from "./name_hint.ts";
import { NAME_SHAPE, type NameProblem, problemOf } from "./name_rules.ts";
import { quoted } from "./quote.ts";

/** The four parts of a name. */
export interface ModelName {
  /** The registry, with `:port` where there is one. */
  readonly host: string;
  /** Whose model it is; `library` for those of Ollama itself. */
  readonly namespace: string;
  /** What it is called. */
  readonly model: string;
  /** Which one of that name. */
  readonly tag: string;
  /** As the user wrote it; not part of the identity. */
  readonly scheme?: "http" | "https";
}

export const DEFAULT_HOST = "registry.ollama.ai";
export const DEFAULT_NAMESPACE = "library";
export const DEFAULT_TAG = "latest";

/** Above what four parts at their longest, a scheme and a suffix come to. */
const MAX_LENGTH = 700;

const THREE_PARTS = "a registry is named by all of host/namespace/model";

/**
 * The name that `text` means: `[http[s]://][host/][namespace/]model[:tag]` with white space around it
 * ignored and what is missing filled in. Upper and lower case stay as they are. As in Ollama, a last
 * `:cloud` joins a tag before it (`m:8b:cloud` is `m:8b-cloud`) and a last `:local` is dropped.
 * Every part of the result is safe in paths and URLs: none begins with a dot or has a slash in it.
 * Throws `invalid_name`.
 */
export function parseName(text: string): ModelName {
  const trimmed = text.trim();
  const result = read(trimmed);
  if (!("reason" in result)) return result;
  throw new PullamaError("invalid_name", `invalid model name ${shown(trimmed)}: ${result.reason}`, {
    hint: suggestion(trimmed) ?? result.hint,
  });
}

/** A name from its four parts, such as the folders of an installed model; undefined if one is not valid. */
export function nameOfParts(
  host: string,
  namespace: string,
  model: string,
  tag: string,
): ModelName | undefined {
  const name = { host, namespace, model, tag };
  return problemOf(name) ? undefined : name;
}

/** `host/namespace/model:tag`. */
export function fullName(name: ModelName): string {
  return `${name.host}/${name.namespace}/${name.model}:${name.tag}`;
}

/** The name as Ollama lists it: with the tag, without the default host and the default namespace. */
export function displayName(name: ModelName): string {
  const own = `${name.model}:${name.tag}`;
  if (!sameText(name.host, DEFAULT_HOST)) return `${name.host}/${name.namespace}/${own}`;
  return sameText(name.namespace, DEFAULT_NAMESPACE) ? own : `${name.namespace}/${own}`;
}

/**
 * Whether both ask the same registry for the same model. Case counts, since a registry may tell `M` from
 * `m`, except in the host, where it never does.
 */
export function sameName(a: ModelName, b: ModelName): boolean {
  return sameText(a.host, b.host) && a.namespace === b.namespace && a.model === b.model &&
    a.tag === b.tag;
}

/**
 * Whether the registry of `name` is asked over plain http. `insecure` (the user's `--insecure`) means
 * http whatever scheme the name has, as in Ollama; `http://` alone is enough for this machine and for
 * private networks. Throws `usage` for any other host, and `invalid_name` for a host that no URL can have.
 */
export function plainHttp(name: ModelName, insecure: boolean): boolean {
  const url = URL.parse(`http://${name.host}/`);
  if (!url) {
    throw new PullamaError("invalid_name", `no URL can have the host ${quoted(name.host)}`, {
      hint: "write a host name or an IPv4 address, with :port after it if need be",
    });
  }
  if (insecure) return true;
  if (name.scheme !== "http") return false;
  const kind = addressKind(url.hostname);
  if (kind === "loopback" || kind === "private" || kind === "link_local") return true;
  throw new PullamaError(
    "usage",
    `cannot ask ${name.host} over plain http: it is not known to be this machine or a private address`,
    { hint: "write https:// instead, or add --insecure if you trust the network in between" },
  );
}

/** Names that Windows gives to devices, in every folder and with every extension. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** Why no folder on Windows can hold the manifest of `name`; undefined if one can. */
export function refusedOnWindows(name: ModelName): string | undefined {
  if (name.host.includes(":")) return `Windows allows no ":" in a folder name: ${name.host}`;
  const parts = [name.host, name.namespace, name.model, name.tag];
  const device = parts.find((part) => DEVICE.test(part));
  if (device !== undefined) return `Windows keeps the name ${device} for a device`;
  const dotted = parts.find((part) => part.endsWith("."));
  return dotted && `Windows drops the dot at the end of ${dotted}`;
}

/** The text in quotes, without what may be a password before "@" or a token after "?". */
function shown(text: string): string {
  const open = text.replace(/^([a-z]+:\/\/)?.*@(?!sha\d)/is, "$1...@").replace(/[?#].*$/s, "?...");
  return quoted(open, 120);
}

function sameText(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** What was probably meant, if it would work. */
function suggestion(text: string): string | undefined {
  const works = (name: string | undefined) => name !== undefined && !("reason" in read(name));
  const page = nameOfPage(text);
  if (works(page)) return `write ${page}`;
  const host = nameWithHost(text);
  if (works(host)) return `${THREE_PARTS}, such as ${host}`;
  return text.startsWith("-") ? "a name does not start like a flag; see pullama help" : undefined;
}

/** No reason quotes what `shown` hides: text with "@", "?" or "#" is refused before its parts are looked at. */
function read(text: string): ModelName | NameProblem {
  if (text === "") return { reason: "it is empty", hint: NAME_SHAPE };
  if (/@sha\d/i.test(text)) {
    return { reason: "digest references are not supported", hint: "write model:tag instead" };
  }
  const [stranger] = /[@?#]/.exec(text) ?? [];
  if (stranger) return { reason: `no name has a ${quoted(stranger)} in it`, hint: NAME_SHAPE };
  if (text.length > MAX_LENGTH) return { reason: "it is too long", hint: NAME_SHAPE };
  const plain = withoutSource(text);
  if (plain === undefined) {
    return { reason: "it has :cloud or :local twice", hint: "use either :local or :cloud, once" };
  }
  const [, scheme, rest = plain] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(plain) ?? [];
  if (scheme !== undefined && scheme !== "http" && scheme !== "https") {
    return { reason: `unsupported scheme ${quoted(scheme)}`, hint: "use https:// or http://" };
  }
  const path = hasTag(rest) ? rest.slice(0, rest.lastIndexOf(":")) : rest;
  const parts = path.split("/");
  if (parts.length > 3) return { reason: "it has more than three parts", hint: NAME_SHAPE };
  if (scheme && parts.length < 3) {
    return { reason: `${scheme}:// is not followed by three parts`, hint: THREE_PARTS };
  }
  const name: ModelName = {
    host: parts.at(-3) ?? DEFAULT_HOST,
    namespace: parts.at(-2) ?? DEFAULT_NAMESPACE,
    model: parts.at(-1) ?? "",
    tag: hasTag(rest) ? rest.slice(path.length + 1) : DEFAULT_TAG,
    ...(scheme && { scheme }),
  };
  return problemOf(name) ?? name;
}

/** "/" cannot be in a tag: the ":" of a port has one after it. */
function hasTag(text: string): boolean {
  return text.lastIndexOf(":") > text.lastIndexOf("/");
}

/** `text` with its `:cloud` or `:local` made part of the tag or taken away; undefined if there are two. */
function withoutSource(text: string): string | undefined {
  const outer = splitSource(text);
  if (!outer) return text;
  if (splitSource(outer.base)) return undefined;
  if (outer.source === "local") return outer.base;
  return `${outer.base}${hasTag(outer.base) ? "-" : ":"}cloud`;
}

/** In any case, as in Ollama; `m:8b-cloud` is the older spelling of `m:8b:cloud`. */
function splitSource(text: string): { base: string; source: string } | undefined {
  const match = /^(.*):(cloud|local)$/is.exec(text) ?? /^(.*:[^:/]*)-(cloud)$/is.exec(text);
  if (!match) return undefined;
  return { base: match[1]!, source: match[2]!.toLowerCase() };
}
