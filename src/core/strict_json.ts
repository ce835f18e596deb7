/**
 * Parses untrusted JSON that another parser will read later. Anything that the two could read
 * differently is refused, and so is nesting deep enough to exhaust a parser.
 */

import { quoted } from "./quote.ts";

/** A manifest needs 4 levels. */
const MAX_DEPTH = 32;

const NOT_JSON = "it is not JSON";

/** Keys are compared after unescaping. */
export interface Strictness {
  /** Refused if they occur twice in one object: parsers differ in which value they use. */
  readonly unique: readonly string[];
  /**
   * Refused at any depth if the value is an integer in another notation, such as `1e3` or `5.0`:
   * JavaScript parses it as the integer, Go rejects it.
   */
  readonly whole: readonly string[];
}

/** The value, or why the text was refused. */
export type StrictJson = { readonly value: unknown } | { readonly fault: string };

/** Parses `bytes` as one JSON value in UTF-8, nested at most 32 levels deep. Never throws. */
export function readStrictJson(bytes: Uint8Array, strictness: Strictness): StrictJson {
  let text: string;
  try {
    // A byte order mark is kept, so that it is refused, as in Go.
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

/** Finds what JSON.parse would accept silently. All other errors are left to JSON.parse. */
function faultIn(text: string, { unique, whole }: Strictness): string | undefined {
  const number = /\s*([-+.\deE]+)/y;
  const seen = Array.from({ length: MAX_DEPTH + 1 }, () => new Set<string>());
  let depth = 0;
  let key: { readonly start: number; readonly end: number } | undefined;
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
        // One key per colon: a long key before many colons would be read again for each of them.
        if (key === undefined) return NOT_JSON;
        const written = number.exec(text)?.[1];
        const name = unescaped(text.slice(key.start, key.end));
        key = undefined;
        if (written !== undefined && whole.includes(name) && isOdd(written)) {
          return `${name} is written as ${quoted(written, 40)}, not as an integer`;
        }
        if (!unique.includes(name)) break;
        if (seen[depth]!.has(name)) return `it has the duplicate key "${name}"`;
        seen[depth]!.add(name);
      }
    }
  }
  return undefined;
}

/** Whether JSON.parse turns another notation into a non-negative integer. */
function isOdd(written: string): boolean {
  return !/^\d+$/.test(written) && Number.isSafeInteger(Number(written)) && Number(written) >= 0;
}

/** The index after the closing quote of the string at `start`, or the end of the text. */
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
