/** Model names, parsed as Ollama parses them, so that both use the same model and path. */

import { isNear } from "./address.ts";
import { type Digest, isDigest } from "./digest.ts";
import { PullamaError } from "./errors.ts";
import { nameOfPage, nameWithHost, originalName } from "./name_hint.ts";
import { digestProblem, NAME_SHAPE, type NameProblem, problemOf } from "./name_rules.ts";
import { quoted } from "./quote.ts";

/** The four parts of a name. */
export interface ModelName {
  /** The registry, with `:port` if given. */
  readonly host: string;
  /** The owner; `library` for Ollama's own models. */
  readonly namespace: string;
  /** The name of the model itself. */
  readonly model: string;
  /** The variant, such as `8b`. */
  readonly tag: string;
  /** As given by the user; not part of the identity. */
  readonly scheme?: "http" | "https";
  /** The only manifest that is wanted; not part of the identity. */
  readonly digest?: Digest;
}

export const DEFAULT_HOST = "registry.ollama.ai";
export const DEFAULT_NAMESPACE = "library";
export const DEFAULT_TAG = "latest";

/** More than the longest four parts with a scheme and a suffix. */
const MAX_LENGTH = 700;

const THREE_PARTS = "with a registry, write all three parts: host/namespace/model";

/**
 * Parses `[http[s]://][host/][namespace/]model[:tag]`. Surrounding white space is ignored,
 * missing parts get their defaults, and case is preserved. As in Ollama, a trailing `:cloud` is
 * joined to the tag before it (`m:8b:cloud` is `m:8b-cloud`) and a trailing `:local` is dropped.
 * Every part of the result is safe in paths and URLs: none starts with a dot or contains a slash.
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

/**
 * Parses a name that may end with `@sha256:<64 hex digits>`: then only the manifest with this digest
 * is wanted. Throws `invalid_name`.
 */
export function parsePinned(text: string): ModelName {
  const [, name, digest] = /^(.*)@(.*)$/s.exec(text.trim()) ?? [];
  return isDigest(digest) ? { ...parseName(name!), digest } : parseName(text);
}

/** A name from its four parts, such as those of an installed model; undefined if invalid. */
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

/** The name as Ollama lists it: with the tag, without the default host and namespace. */
export function displayName(name: ModelName): string {
  const own = `${name.model}:${name.tag}`;
  if (!sameText(name.host, DEFAULT_HOST)) return `${name.host}/${name.namespace}/${own}`;
  return sameText(name.namespace, DEFAULT_NAMESPACE) ? own : `${name.namespace}/${own}`;
}

/**
 * Whether both are the same model of the same registry. Case matters, because a registry may
 * distinguish `M` from `m`, except in the host.
 */
export function sameName(a: ModelName, b: ModelName): boolean {
  return sameText(a.host, b.host) && a.namespace === b.namespace && a.model === b.model &&
    a.tag === b.tag;
}

/**
 * Whether to use plain http with the registry of `name`. `insecure` (`--insecure`) means http
 * whatever the scheme of the name, as in Ollama; `http://` alone is enough for loopback, private
 * and link-local addresses. Throws `usage` for `http://` with any other host, and `invalid_name`
 * for a host that is invalid in a URL.
 */
export function plainHttp(name: ModelName, insecure: boolean): boolean {
  const url = URL.parse(`http://${name.host}/`);
  if (!url) {
    throw new PullamaError(
      "invalid_name",
      `invalid host ${quoted(name.host)}: it cannot be used in a URL`,
      {
        hint: "use a host name or an IPv4 address, optionally followed by :port",
      },
    );
  }
  if (insecure) return true;
  if (name.scheme !== "http") return false;
  if (isNear(url.hostname)) return true;
  throw new PullamaError(
    "usage",
    `cannot connect to ${name.host} over plain http: it is not a loopback or private address`,
    { hint: "use https:// instead, or add --insecure if you trust the network in between" },
  );
}

/** The text in quotes, without a possible password before "@" or token after "?". */
function shown(text: string): string {
  const open = text.replace(/^([a-z]+:\/\/)?.*@(?!sha\d)/is, "$1...@").replace(/[?#].*$/s, "?...");
  return quoted(open, 120);
}

function sameText(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** A hint with the name that was probably meant, if that name is valid. */
function suggestion(text: string): string | undefined {
  const page = nameOfPage(text);
  if (valid(page)) return `use ${page}`;
  const host = nameWithHost(text);
  if (valid(host)) return `${THREE_PARTS}, such as ${host}`;
  return text.startsWith("-")
    ? 'model names do not start with "-"; for the flags see pullama help'
    : undefined;
}

function valid(name: string | undefined): boolean {
  return name !== undefined && !("reason" in read(name));
}

/** No reason reveals what `shown` hides: text with "@", "?" or "#" is refused first. */
function read(text: string): ModelName | NameProblem {
  if (text === "") return { reason: "it is empty", hint: NAME_SHAPE };
  if (/@sha\d/i.test(text)) return digestProblem(text.slice(text.lastIndexOf("@") + 1));
  const [forbidden] = /[@?#]/.exec(text) ?? [];
  if (forbidden) return { reason: `it contains ${quoted(forbidden)}`, hint: NAME_SHAPE };
  if (text.length > MAX_LENGTH) return { reason: "it is too long", hint: NAME_SHAPE };
  const plain = withoutSource(text);
  if (plain === undefined) {
    return {
      reason: "it has more than one :cloud or :local",
      hint: "use either :cloud or :local, once",
    };
  }
  const [, scheme, rest = plain] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(plain) ?? [];
  if (scheme !== undefined && scheme !== "http" && scheme !== "https") {
    return { reason: `unsupported scheme ${quoted(scheme)}`, hint: "use https:// or http://" };
  }
  const path = hasTag(rest) ? rest.slice(0, rest.lastIndexOf(":")) : rest;
  const parts = path.split("/");
  if (parts.length > 3) {
    const name = originalName(text);
    const such = valid(name) ? `, such as ${name}` : "";
    return {
      reason: 'it has more than three parts separated by "/"',
      hint: `Ollama cannot store longer names: use that of the original${such}, or of a mirror ` +
        "that serves it as host/namespace/model",
    };
  }
  if (scheme && parts.length < 3) {
    return { reason: `${scheme}:// must be followed by host/namespace/model`, hint: THREE_PARTS };
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

/** Whether the last ":" starts a tag: after the ":" of a port there is a "/". */
function hasTag(text: string): boolean {
  return text.lastIndexOf(":") > text.lastIndexOf("/");
}

/** `text` with `:cloud` joined to the tag or `:local` removed; undefined if there are two. */
function withoutSource(text: string): string | undefined {
  const outer = splitSource(text);
  if (!outer) return text;
  if (splitSource(outer.base)) return undefined;
  if (outer.source === "local") return outer.base;
  return `${outer.base}${hasTag(outer.base) ? "-" : ":"}cloud`;
}

/** Case-insensitive, as in Ollama; `m:8b-cloud` is the older spelling of `m:8b:cloud`. */
function splitSource(text: string): { base: string; source: string } | undefined {
  const match = /^(.*):(cloud|local)$/is.exec(text) ?? /^(.*:[^:/]*)-(cloud)$/is.exec(text);
  if (!match) return undefined;
  return { base: match[1]!, source: match[2]!.toLowerCase() };
}

/**
 * The `things` with exactly this name, or if there are none, those whose name differs only in case,
 * which Ollama treats as the same name. Several results are one model in several trees. Throws
 * `usage` if there is no exact match and several names differ only in case.
 */
export function matchingName<T extends { readonly name: ModelName | undefined }>(
  things: readonly T[],
  name: ModelName,
): readonly T[] {
  const spelled = (other: ModelName | undefined) => other && fullName(other);
  const exact = things.filter((one) => spelled(one.name) === fullName(name));
  if (exact.length > 0) return exact;
  const folded = things.filter((one) =>
    spelled(one.name)?.toLowerCase() === fullName(name).toLowerCase()
  );
  const [one, other] = new Set(folded.map((one) => spelled(one.name)));
  if (other === undefined) return folded;
  throw new PullamaError(
    "usage",
    `${displayName(name)} is ambiguous: ${one} and ${other} differ only in case`,
    { hint: "spell the name exactly as in pullama list" },
  );
}
