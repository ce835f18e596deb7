/** Validated access to manifest fields. `where` names the object in messages: `layer 3`. */

import { type Digest, isDigest } from "./digest.ts";
import { PullamaError } from "./errors.ts";
import { quoted } from "./quote.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** 1 PiB: no blob is that large, and sums of a few thousand stay exact. */
const MAX_BLOB_BYTES = 2 ** 50;

/** Throws the error for a manifest that cannot be used. */
export function refuse(reason: string, hint?: string): never {
  throw new PullamaError("manifest", `cannot use the manifest: ${reason}`, hint ? { hint } : {});
}

/**
 * `value` as an object. A key that differs from one in `known` only in case (`Digest`) is
 * refused: Ollama's JSON decoder ignores case and would use its value, not the one checked here.
 */
export function fieldsOf(value: unknown, where: string, known: readonly string[]): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    refuse(`${where} is ${described(value)}, not an object`);
  }
  for (const key of Object.keys(value)) {
    const meant = known.find((name) => name !== key && name.toUpperCase() === key.toUpperCase());
    if (meant !== undefined) refuse(`${where} has the key ${quoted(key)} instead of "${meant}"`);
  }
  return value as Fields;
}

/** Whether the field is present. Null counts as absent, because Go writes null for empty values. */
export function has(fields: Fields, key: string): boolean {
  return fields[key] !== undefined && fields[key] !== null;
}

/** The elements of an array. */
export function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) refuse(`${what} is ${described(value)}, not an array`);
  return value;
}

/** A string field; "" if it is absent. */
export function textOf(fields: Fields, key: string, where: string): string {
  const value = fields[key] ?? "";
  if (typeof value !== "string") {
    refuse(`${where} has an invalid ${key}: ${described(value)}, not a string`);
  }
  return value;
}

/** The digest, in the only form that is safe in paths and URLs. */
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
  refuse(`${where}: invalid size ${described(size)}`);
}

function described(value: unknown): string {
  if (typeof value === "string") return quoted(value, 40);
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  return value === undefined ? "missing" : String(value);
}
