/** Documents for `--output json` and `debug`: JSON on one line, or as `Deno.inspect` prints it. */

/** Control characters and the like that JSON.stringify and Deno.inspect do not escape. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** `document` on a line of its own. Fields that are undefined are left out. */
export function jsonText(document: unknown): string {
  return `${JSON.stringify(document).replace(UNSEEN, escaped)}\n`;
}

/** `document` for debugging pullama itself. */
export function inspectText(document: unknown, colors: boolean): string {
  const options = { colors, depth: 8, iterableLimit: 10_000, strAbbreviateSize: 4_000 };
  // Deno.inspect escapes the escape character in strings: those that are left are its colors.
  const shown = Deno.inspect(document, options)
    .replace(UNSEEN, (unseen) => "\n\x1b".includes(unseen) ? unseen : escaped(unseen));
  return `${shown}\n`;
}

function escaped(character: string): string {
  return character.split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}
