/** How text of strangers is shown: in quotes, on one line, of bounded length, with nothing a terminal obeys. */

/** What has no shape of its own or steers the text around it: controls, bidi marks, line separators. */
const INVISIBLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * `text` in double quotes as JSON writes it, with everything invisible escaped as well. More than `max`
 * UTF-16 units are cut off, which shows as "..." before the closing quote.
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
