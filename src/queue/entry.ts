/** The model of a queue entry. */

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
 * The full name of the model, as on a command line. An entry without `name` may be from the Go
 * program, which only knows the default registry.
 */
export function givenOf({ name, scheme, model, tag }: Entry): string {
  const full = name || `${DEFAULT_HOST}/${DEFAULT_NAMESPACE}/${model ?? ""}:${tag || DEFAULT_TAG}`;
  return scheme === "http" ? `http://${full}` : full;
}

/** The model; undefined if the entry has no valid name, because the file was edited. */
export function nameOf(entry: Entry): ModelName | undefined {
  try {
    return parseName(givenOf(entry));
  } catch {
    return undefined;
  }
}

/** A key that is equal for entries of the same model, as `sameName` defines it. */
export function keyOf(entry: Entry): string {
  const name = nameOf(entry);
  return name === undefined ? givenOf(entry) : keyOfName(name);
}

/** The key of a name, comparable with `keyOf`. */
export function keyOfName(name: ModelName): string {
  return fullName({ ...name, host: name.host.toLowerCase() });
}

/** A new queued entry; `now` is in the format of `timestamp`. */
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

/** Whether the entry and `name` use the same scheme. */
export function sameScheme({ scheme }: Entry, name: ModelName): boolean {
  return (scheme === "http") === (name.scheme === "http");
}

/** The entry with the scheme of `name`; https is the default and not stored. */
export function withScheme({ scheme: _, ...entry }: Entry, name: ModelName): Entry {
  return name.scheme === "http" ? { ...entry, scheme: "http" } : entry;
}
