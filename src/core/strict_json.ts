/**
 * JSON from strangers that another reader will read again: what the two could understand differently is
 * refused, and so is what is made to exhaust the reader.
 */

import { quoted } from "./quote.ts";

/** A manifest needs 4. */
const MAX_DEPTH = 32;

const NOT_JSON = "it is not JSON";

/** Keys by their meaning, however they are spelled with escapes. */
export interface Strictness {
  /** Refused if they come twice in one object: readers differ in which of the two they take. */
  readonly unique: readonly string[];
  /**
   * Refused at any depth if they have a whole number that is not written as one, such as `1e3` or `5.0`:
   * the parser here does not see the difference, Go's readers of integers do.
   */
  readonly whole: readonly string[];
}

/** The value, or why there is none. */
export type StrictJson = { readonly value: unknown } | { readonly fault: string };

/** Reads `bytes` as one JSON value in UTF-8, nested no deeper than 32. Never throws. */
export function readStrictJson(bytes: Uint8Array, strictness: Strictness): StrictJson {
  let text: string;
  try {
    // A byte order mark is kept, so that it is refused: Go's readers do not skip it either.
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { fault: "it is not UTF-8" };
  }
  const fault = faultIn(text, strictness);
  if (fault !== undefined) return { fault };
  try {
    return { value: JSON.parse(text) };
  } catch {
    return { fault: NOT_JSON };
  }
}

/** Looks for what the parser would swallow. Knows little grammar: the parser finds all other faults. */
function faultIn(text: string, { unique, whole }: Strictness): string | undefined {
  const number = /\s*([-+.\deE]+)/y;
  const seen = Array.from({ length: MAX_DEPTH + 1 }, () => new Set<string>());
  let depth = 0;
  let key = { start: 0, end: 0 };
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '"':
        key = { start: at, end: endOfString(text, at) };
        at = key.end - 1;
        break;
      case "{":
      case "[":
        depth++;
        if (depth > MAX_DEPTH) return `it is nested deeper than ${MAX_DEPTH} levels`;
        seen[depth]!.clear();
        break;
      case "}":
      case "]":
        if (--depth < 0) return NOT_JSON;
        break;
      case ":": {
        number.lastIndex = at + 1;
        const written = number.exec(text)?.[1];
        const name = unescaped(text.slice(key.start, key.end));
        if (written !== undefined && whole.includes(name) && isOdd(written)) {
          return `${name} is written as ${quoted(written, 40)}`;
        }
        if (!unique.includes(name)) break;
        if (seen[depth]!.has(name)) return `it has the key "${name}" twice in one object`;
        seen[depth]!.add(name);
      }
    }
  }
  return undefined;
}

/** Whether the parser makes a whole number of something else. */
function isOdd(written: string): boolean {
  return !/^\d+$/.test(written) && Number.isSafeInteger(Number(written)) && Number(written) >= 0;
}

/** The index after the closing quote of the string that opens at `start`, or the end of the text. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at + 1;
  }
  return text.length;
}

function unescaped(literal: string): string {
  if (!literal.includes("\\")) return literal.slice(1, -1);
  try {
    return String(JSON.parse(literal));
  } catch {
    return "";
  }
}
