/** The model of a queue entry. */

import {
  DEFAULT_HOST,
  DEFAULT_NAMESPACE,
  DEFAULT_TAG,
  fullName,
  type ModelName,
  parsePinned,
} from "../core/name.ts";
import { type Entry, NO_TIME } from "./format.ts";

/**
 * The full name of the model, as on a command line. An entry without `name` may be from the Go
 * program, which only knows the default registry.
 */
export function givenOf({ name, scheme, model, tag, digest }: Entry): string {
  const full = name || `${DEFAULT_HOST}/${DEFAULT_NAMESPACE}/${model ?? ""}:${tag || DEFAULT_TAG}`;
  return `${scheme === "http" ? "http://" : ""}${full}${digest ? `@${digest}` : ""}`;
}

/** The model; undefined if the entry has no valid name, because the file was edited. */
export function nameOf(entry: Entry): ModelName | undefined {
  try {
    return parsePinned(givenOf(entry));
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
  return withRequest({
    model,
    tag,
    ...(!short && { name: fullName(name) }),
    status: "queued",
    added_at: now,
    finished_at: NO_TIME,
  }, name);
}

/** Whether the entry and `name` use the same scheme, and are pinned to the same manifest. */
export function sameRequest({ scheme, digest }: Entry, name: ModelName): boolean {
  return (scheme === "http") === (name.scheme === "http") && (digest || undefined) === name.digest;
}

/** The entry with scheme and digest of `name`; https is the default and not stored. */
export function withRequest({ scheme: _, digest: __, ...entry }: Entry, name: ModelName): Entry {
  return {
    ...entry,
    ...(name.scheme === "http" && { scheme: "http" }),
    ...(name.digest && { digest: name.digest }),
  };
}
