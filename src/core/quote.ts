/** Makes untrusted text printable: quoted, on one line, bounded, without control characters. */

/** Invisible characters: controls, bidi marks, line separators. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * `text` as a JSON string with all invisible characters escaped. It is cut off after `max` UTF-16
 * units, with "..." before the closing quote.
 */
export function quoted(text: string, max = 80): string {
  const cut = text.length > max ? `${text.slice(0, max)}...` : text;
  return JSON.stringify(cut).replace(INVISIBLE, escaped);
}

function escaped(character: string): string {
  return character.split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}
