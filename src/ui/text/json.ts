/** Documents for `--output json` and `debug`: JSON on one line, or as `Deno.inspect` prints it. */

import { escaped } from "../../core/quote.ts";

/** `document` on a line of its own. Fields that are undefined are left out. */
export function jsonText(document: unknown): string {
  return `${escaped(JSON.stringify(document, exactNumber))}\n`;
}

/** A bigint is a number in JSON, with all its digits. TypeScript does not know `rawJSON` yet. */
function exactNumber(_key: string, value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(value));
}

/** `document` for debugging pullama itself. */
export function inspectText(document: unknown, colors: boolean): string {
  const options = { colors, depth: 8, iterableLimit: 10_000, strAbbreviateSize: 4_000 };
  // In strings, Deno.inspect escapes line feeds and escape characters: those left are its own.
  return `${escaped(Deno.inspect(document, options), colors ? "\n\x1b" : "\n")}\n`;
}
