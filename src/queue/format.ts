/** The text of `queue.json`: the format of the Go program, with two fields more that it passes over. */

import * as v from "valibot";
import { PullamaError } from "../core/errors.ts";

/** Go writes null for nothing in other places; it is understood here. */
const Text = v.nullish(v.string());

const EntrySchema = v.looseObject({
  model: Text,
  tag: Text,
  /** `host/namespace/model:tag`, where that is more than model and tag say. */
  name: Text,
  /** `http`, where the user wrote so. */
  scheme: Text,
  /** One of `Status`; others are left alone. */
  status: v.string(),
  added_at: Text,
  finished_at: Text,
  error: Text,
});

const FileSchema = v.looseObject({ entries: v.nullish(v.array(EntrySchema)) });

/** What becomes of an entry: it waits, is being pulled, was pulled, or could not be. */
export type Status = "queued" | "active" | "completed" | "failed";

/** An entry as it stands in the file, with whatever fields others have put there. */
export type Entry = Readonly<v.InferOutput<typeof EntrySchema>>;

export interface Queue {
  readonly entries: readonly Entry[];
  /** What else stands in the file. */
  readonly others: Readonly<Record<string, unknown>>;
}

/** How Go writes that there is no time. */
export const NO_TIME = "0001-01-01T00:00:00Z";

/** What Go's encoder escapes within strings besides what JSON asks for. */
const ESCAPED = /[<>&\u2028\u2029]/g;

/**
 * The queue in the content of the file at `path`. No file at all and an empty one are an empty queue.
 * Throws `local`, naming the file, where the content is no queue.
 */
export function parseQueue(bytes: Uint8Array | undefined, path: string): Queue {
  const json = jsonIn(bytes, path);
  const read = v.safeParse(FileSchema, json);
  // An array is an object too, and has an `entries` of its own.
  const at = read.success || Array.isArray(json) ? null : v.getDotPath(read.issues[0]);
  if (at !== null) throw damaged(path, `${at} is not as it should be`);
  if (!read.success || Array.isArray(json)) throw damaged(path, "it holds something else");
  const { entries, ...others } = read.output;
  return { entries: entries ?? [], others };
}

/** The content of the file, as Go's encoder would write it. */
export function formatQueue({ entries, others }: Queue): string {
  return JSON.stringify({ entries, ...others }, undefined, 2).replace(
    ESCAPED,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** `date` in local time with its offset, as Go writes times. */
export function timestamp(date: Date): string {
  const minutes = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, -1);
  if (minutes === 0) return `${local}Z`;
  const two = (value: number) => String(Math.floor(Math.abs(value))).padStart(2, "0");
  return `${local}${minutes < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
}

/** The time in a field; undefined where none was set. */
export function timeIn(field: string | null | undefined): string | undefined {
  return field === NO_TIME ? undefined : field || undefined;
}

function jsonIn(bytes: Uint8Array | undefined, path: string): unknown {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes).trim();
    return text === "" ? {} : JSON.parse(text) ?? {};
  } catch (cause) {
    throw damaged(path, "it is not JSON", cause);
  }
}

function damaged(path: string, why: string, cause?: unknown): PullamaError {
  return new PullamaError("local", `cannot read the queue in ${path}: ${why}`, {
    hint: "nothing was changed: mend the file, or move it aside and add the models again",
    cause,
  });
}
