/** Answers for programs: one JSON document on one line, or what the inspector of the runtime makes of it. */

/** What a terminal could obey and the two writers here let through. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** `document` on a line of its own. Fields that are undefined are left out. */
export function jsonText(document: unknown): string {
  return `${JSON.stringify(document).replace(UNSEEN, escaped)}\n`;
}

/** `document` as somebody sees it who works on the program. */
export function inspectText(document: unknown, colors: boolean): string {
  const options = { colors, depth: 8, iterableLimit: 10_000, strAbbreviateSize: 4_000 };
  // The inspector escapes the escape character itself: the ones that are left are its colours.
  const shown = Deno.inspect(document, options)
    .replace(UNSEEN, (unseen) => "\n\x1b".includes(unseen) ? unseen : escaped(unseen));
  return `${shown}\n`;
}

function escaped(character: string): string {
  return character.split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}
