/** The format of `queue.json`: that of the Go program plus three fields, which it ignores. */

import * as v from "valibot";
import { PullamaError } from "../core/errors.ts";

/** Null is accepted as absent, because Go may write it. */
const Text = v.nullish(v.string());

const EntrySchema = v.looseObject({
  model: Text,
  tag: Text,
  /** `host/namespace/model:tag`, if host or namespace is not the default. */
  name: Text,
  /** `http` if the user wrote `http://`. */
  scheme: Text,
  /** Of the only manifest that is wanted. */
  digest: Text,
  /** One of `Status`; entries with other values are not touched. */
  status: v.string(),
  added_at: Text,
  finished_at: Text,
  error: Text,
});

const FileSchema = v.looseObject({ entries: v.nullish(v.array(EntrySchema)) });

/** The status of an entry: waiting, being pulled, pulled, or failed. */
export type Status = "queued" | "active" | "completed" | "failed";

/** An entry as in the file, including unknown fields. */
export type Entry = Readonly<v.InferOutput<typeof EntrySchema>>;

export interface Queue {
  readonly entries: readonly Entry[];
  /** The other top-level fields of the file. */
  readonly others: Readonly<Record<string, unknown>>;
}

/** Go's zero time: no time is set. */
export const NO_TIME = "0001-01-01T00:00:00Z";

/** The characters in strings that Go's encoder escapes beyond the rules of JSON. */
const ESCAPED = /[<>&\u2028\u2029]/g;

/**
 * Parses the content of the file at `path`. A missing or empty file is an empty queue. Throws
 * `local` with the path if the content is not a queue.
 */
export function parseQueue(bytes: Uint8Array | undefined, path: string): Queue {
  const json = jsonIn(bytes, path);
  const read = v.safeParse(FileSchema, json);
  // An array is an object too, and has an `entries` method.
  const at = read.success || Array.isArray(json) ? null : v.getDotPath(read.issues[0]);
  if (at !== null) throw damaged(path, `${at} is missing or invalid`);
  if (!read.success || Array.isArray(json)) throw damaged(path, "it is not a queue");
  const { entries, ...others } = read.output;
  return { entries: entries ?? [], others };
}

/** The content of the file, byte for byte as Go's encoder would write it. */
export function formatQueue({ entries, others }: Queue): string {
  return JSON.stringify({ entries, ...others }, undefined, 2).replace(
    ESCAPED,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** `date` in local time with its UTC offset, as Go writes times. */
export function timestamp(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, -1);
  if (minutes === 0) return `${local}Z`;
  const two = (value: number) => String(Math.floor(Math.abs(value))).padStart(2, "0");
  return `${local}${minutes < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
}

/** The time in a field; undefined if none is set. */
export function timeIn(field: string | null | undefined): string | undefined {
  return field === NO_TIME ? undefined : field || undefined;
}

function jsonIn(bytes: Uint8Array | undefined, path: string): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).trim();
    const json = text === "" ? {} : JSON.parse(text) ?? {};
    // What is nested too deeply for that could be read, but no change could be saved.
    JSON.stringify(json, undefined, 2);
    return json;
  } catch (cause) {
    const deep = cause instanceof RangeError;
    throw damaged(path, deep ? "it is nested too deeply" : "it is not JSON", cause);
  }
}

function damaged(path: string, reason: string, cause?: unknown): PullamaError {
  return new PullamaError("local", `cannot read the queue in ${path}: ${reason}`, {
    hint: "nothing was changed: repair the file, or move it away and add the models again",
    cause,
  });
}
