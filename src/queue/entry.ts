/** Which model an entry of the queue means. */

import {
  DEFAULT_HOST,
  DEFAULT_NAMESPACE,
  DEFAULT_TAG,
  fullName,
  type ModelName,
  parseName,
} from "../core/name.ts";
import { type Entry, NO_TIME } from "./format.ts";

/**
 * The model as one would write it on a command line, in full. Without `name` an entry is one of the Go
 * program, which knows the default registry alone.
 */
export function wordOf({ name, scheme, model, tag }: Entry): string {
  const full = name || `${DEFAULT_HOST}/${DEFAULT_NAMESPACE}/${model ?? ""}:${tag || DEFAULT_TAG}`;
  return scheme === "http" ? `http://${full}` : full;
}

/** The model; undefined where somebody has written into the file what is no name. */
export function nameOf(entry: Entry): ModelName | undefined {
  try {
    return parseName(wordOf(entry));
  } catch {
    return undefined;
  }
}

/** The same text for two entries that mean the same model, as `sameName` has it. */
export function keyOf(entry: Entry): string {
  const name = nameOf(entry);
  return name === undefined ? wordOf(entry) : keyOfName(name);
}

/** The same for a name. */
export function keyOfName(name: ModelName): string {
  return fullName({ ...name, host: name.host.toLowerCase() });
}

/** A new entry that waits; `now` as `timestamp` writes it. */
export function entryFor(name: ModelName, now: string): Entry {
  const { host, namespace, model, tag } = name;
  const short = host === DEFAULT_HOST && namespace === DEFAULT_NAMESPACE;
  return withScheme({
    model,
    tag,
    ...(!short && { name: fullName(name) }),
    status: "queued",
    added_at: now,
    finished_at: NO_TIME,
  }, name);
}

/** Whether the model of the entry is asked for as one that is written like `name`. */
export function sameScheme({ scheme }: Entry, name: ModelName): boolean {
  return (scheme === "http") === (name.scheme === "http");
}

/** The entry with the scheme of `name`; https is what goes without saying. */
export function withScheme({ scheme: _, ...entry }: Entry, name: ModelName): Entry {
  return name.scheme === "http" ? { ...entry, scheme: "http" } : entry;
}
