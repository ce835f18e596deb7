/** The fields of a manifest, read with suspicion. `where` says in messages whose field it is: `layer 3`. */

import { type Digest, isDigest } from "./digest.ts";
import { PullamaError } from "./errors.ts";
import { quoted } from "./quote.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** 1 PiB: no blob is that large, and sums of a few thousand stay exact. */
const MAX_BLOB_BYTES = 2 ** 50;

/** Throws the error of every manifest that cannot be used. */
export function refuse(reason: string, hint?: string): never {
  throw new PullamaError("manifest", `cannot use the manifest: ${reason}`, hint ? { hint } : {});
}

/**
 * `value` as an object. One of the keys in `known` in another spelling (`Digest`) is refused: Ollama's
 * reader ignores case and would take its value, not the one that was checked here.
 */
export function fieldsOf(value: unknown, where: string, known: readonly string[]): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    refuse(`${where} is ${described(value)}, not an object`);
  }
  for (const key of Object.keys(value)) {
    const meant = known.find((name) => name !== key && name.toUpperCase() === key.toUpperCase());
    if (meant !== undefined) refuse(`${where} spells "${meant}" as ${quoted(key)}`);
  }
  return value as Fields;
}

/** Whether there is such a field. Null counts as none, as in Go, which writes null for what is empty. */
export function has(fields: Fields, key: string): boolean {
  return fields[key] !== undefined && fields[key] !== null;
}

/** The elements of a list. */
export function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) refuse(`${what} is ${described(value)}, not a list`);
  return value;
}

/** A text; "" if there is none. */
export function textOf(fields: Fields, key: string, where: string): string {
  const value = fields[key] ?? "";
  if (typeof value !== "string") refuse(`${where} has the ${key} ${described(value)}, not a text`);
  return value;
}

/** The digest, in the one form that is safe in paths and URLs. */
export function digestIn(fields: Fields, where: string): Digest {
  const { digest } = fields;
  if (isDigest(digest)) return digest;
  if (!has(fields, "digest") || digest === "") refuse(`${where} has no digest`);
  refuse(`${where}: unsupported digest ${described(digest)}`);
}

/** The size in bytes. */
export function sizeIn(fields: Fields, where: string): number {
  const { size } = fields;
  const whole = typeof size === "number" && Number.isInteger(size);
  if (whole && size >= 0 && size <= MAX_BLOB_BYTES) return size;
  if (!has(fields, "size")) refuse(`${where} has no size`);
  refuse(`${where}: impossible size ${described(size)}`);
}

function described(value: unknown): string {
  if (typeof value === "string") return quoted(value, 40);
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  return value === undefined ? "missing" : String(value);
}
